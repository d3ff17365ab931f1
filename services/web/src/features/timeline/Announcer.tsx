import { useEffect, useRef, useState } from "react";
import { excerpt } from "~/features/markdown/parse";
import { t } from "~/i18n/t";
import type { Message, UserId } from "~/protocol/types";

/** Milliseconds in which news gather. */
const gathering = 1000;

/** Says to screen readers what others write, while the end of the conversation is there. */
export function Announcer({ messages, me }: { messages: readonly Message[]; me: UserId }) {
  const [text, setText] = useState("");
  const last = messages.at(-1)?.seq ?? 0;
  const said = useRef(last);
  const current = useRef(messages);
  current.current = messages;
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  useEffect(() => {
    if (last <= said.current || timer.current !== undefined) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      const news = current.current.filter((m) => m.seq > said.current && m.userId !== me);
      said.current = current.current.at(-1)?.seq ?? 0;
      const [only] = news;
      if (!only) return;
      setText(
        news.length > 1
          ? t("timeline.newMessages", { count: news.length })
          : t("timeline.says", { name: only.username, text: excerpt(only.content) || t("message.file") }),
      );
    }, gathering);
  }, [last, me]);
  useEffect(() => () => clearTimeout(timer.current), []);

  return (
    <div aria-live="polite" className="sr-only">
      {text}
    </div>
  );
}
