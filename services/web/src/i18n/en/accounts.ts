// One's own account in the frame of every page, and what calls.
export const accounts = {
  "account.menu": "Your account:",
  "account.saved": "Saved for later",
  "account.settings": "Settings",
  "account.admin": "Administration",
  "account.signOut": "Sign out",
  "account.setStatus": "Set a status",
  "account.changeStatus": "Change your status",

  "presence.online": "Online",
  "presence.away": "Away",
  "presence.offline": "Offline",
  "presence.seen": "Last seen {when}",
  "presence.doNotDisturb": "Do not disturb",

  "notify.from": "{name} in {room}",
  "notify.image": "sent an image",
  "notify.file": "sent a file",
  "notify.titleCount": "({count}) {title}",
  "app.updated": "A new version of Natter is here.",
  "app.reload": "Reload",
  "app.later": "Later",
} as const;
