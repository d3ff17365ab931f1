import { Outlet, useParams } from "@tanstack/react-router";
import { ConnectionBar } from "~/features/app/ConnectionBar";
import { cx } from "~/ui/class-names";
import { RoomList } from "./RoomList";

/** The list of rooms and the room beside it; on a phone one of the two. */
export function RoomsPage() {
  const { roomId } = useParams({ strict: false });
  return (
    <div className="flex h-dvh flex-col">
      <ConnectionBar />
      <div className="flex min-h-0 flex-1">
        <RoomList className={cx("w-full border-line md:flex md:w-72 md:border-r", roomId ? "hidden" : "flex")} />
        <main className={cx("min-w-0 flex-1 md:block", !roomId && "hidden")}>
          <Outlet />
        </main>
      </div>
    </div>
  );
}
