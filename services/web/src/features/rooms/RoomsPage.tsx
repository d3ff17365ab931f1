import { Outlet, useLocation, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { ConnectionBar } from "~/features/app/ConnectionBar";
import { cx } from "~/ui/class-names";
import { noteVisit } from "./list-options";
import { RoomList } from "./RoomList";
import { useRoomKeys } from "./use-room-keys.client";

const QuickSwitcher = lazy(() => import("./QuickSwitcher"));
const ShortcutsHelp = lazy(() => import("./ShortcutsHelp"));

/** The list of rooms and what was chosen in it beside it; on a phone one of the two. */
export function RoomsPage() {
  const { roomId } = useParams({ strict: false });
  const listOnly = useLocation({ select: ({ pathname }) => /^\/rooms\/?$/.test(pathname) });
  const [open, setOpen] = useState<"switcher" | "help">();
  useRoomKeys(roomId, {
    openSwitcher: useCallback(() => setOpen("switcher"), []),
    openHelp: useCallback(() => setOpen("help"), []),
  });
  useEffect(() => {
    if (roomId) noteVisit(roomId);
  }, [roomId]);
  const close = () => setOpen(undefined);
  return (
    <div className="flex h-dvh flex-col">
      <ConnectionBar />
      <div className="flex min-h-0 flex-1">
        <RoomList className={cx("w-full border-line md:flex md:w-72 md:border-r", listOnly ? "flex" : "hidden")} />
        <main className={cx("min-w-0 flex-1 md:block", listOnly && "hidden")}>
          <Outlet />
        </main>
      </div>
      <Suspense>
        {open === "switcher" && <QuickSwitcher current={roomId} onClose={close} />}
        {open === "help" && <ShortcutsHelp onClose={close} />}
      </Suspense>
    </div>
  );
}
