import { lazy, Suspense } from "react";
import { useConversation } from "~/features/timeline/conversation";
import { ClosedComposer } from "./ClosedComposer";
import { usePosting } from "./use-posting";

// Loaded behind the first page: what was said is on the screen sooner.
const ComposerForm = lazy(() => import("./ComposerForm"));

/** Where one writes in the conversation around it, or why one cannot. */
export function Composer() {
  const { roomId, thread } = useConversation();
  const { posting, wait } = usePosting(roomId, thread);
  if (posting.kind !== "open") return <ClosedComposer posting={posting} />;
  return (
    <Suspense fallback={<div className="mx-3 mb-3 h-[74px] shrink-0 rounded-xl border border-line md:mx-5 md:mb-4" />}>
      <ComposerForm wait={wait} />
    </Suspense>
  );
}
