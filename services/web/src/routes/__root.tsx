import { ClientOnly, createRootRouteWithContext, HeadContent, Outlet, ScriptOnce, Scripts } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import "~/styles/app.css";
import type { Client } from "~/client.client";
import { ClientProvider, useApp, useClient } from "~/features/app/client-context";
import { applyDensityEarly } from "~/features/app/device";
import { install } from "~/features/app/installed.client";
import { applyThemeEarly } from "~/features/app/theme";
import { t } from "~/i18n/t";
import { Toasts } from "~/ui/Toasts";
import { TooltipProvider } from "~/ui/Tooltip";

const UpdateNotice = lazy(() => import("~/features/app/UpdateNotice"));

export const Route = createRootRouteWithContext<{ client: Client | undefined }>()({
  head: () => ({
    meta: [
      { charSet: "utf-8" },
      { name: "viewport", content: "width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content" },
      { title: t("common.name") },
      { name: "theme-color", content: "#f5f5f8", media: "(prefers-color-scheme: light)" },
      { name: "theme-color", content: "#121317", media: "(prefers-color-scheme: dark)" },
    ],
    links: [
      { rel: "icon", href: "/favicon.svg", type: "image/svg+xml" },
      { rel: "apple-touch-icon", href: "/apple-touch-icon.png" },
      { rel: "manifest", href: "/manifest.webmanifest" },
    ],
  }),
  shellComponent: Shell,
  component: Root,
});

function Shell({ children }: { children: ReactNode }) {
  return (
    <html lang="en" suppressHydrationWarning>
      <head>
        <HeadContent />
      </head>
      <body>
        <ScriptOnce>{applyThemeEarly + applyDensityEarly}</ScriptOnce>
        {children}
        <Scripts />
      </body>
    </html>
  );
}

/** The shell that the build renders is empty: everything else begins in the browser. */
function Root() {
  return (
    <ClientOnly>
      <Inside />
    </ClientOnly>
  );
}

function Inside() {
  const { client } = Route.useRouteContext();
  useEffect(install, []);
  if (!client) return null;
  return (
    <ClientProvider client={client}>
      <TooltipProvider>
        <Outlet />
        <AllToasts />
        <Suspense>
          <UpdateNotice />
        </Suspense>
      </TooltipProvider>
    </ClientProvider>
  );
}

function AllToasts() {
  const client = useClient();
  return <Toasts toasts={useApp((s) => s.toasts)} onDismiss={(id) => client.dismiss(id)} />;
}
