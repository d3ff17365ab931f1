/** Whether the browser lets us show notifications; missing: it cannot. */
export const permission = (): NotificationPermission | "missing" => ("Notification" in globalThis ? Notification.permission : "missing");
