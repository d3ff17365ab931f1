// The colours of code: a chunk of its own, loaded with the first block that names its language.
import { common, createLowlight } from "lowlight";
import type { ReactNode } from "react";

const lowlight = createLowlight(common);

type Node = ReturnType<typeof lowlight.highlight>["children"][number];

/** undefined: the language is not known. */
export function highlight(code: string, language: string): ReactNode {
  if (!lowlight.registered(language)) return undefined;
  return lowlight.highlight(language, code).children.map(element);
}

function element(node: Node, key: number): ReactNode {
  if (node.type === "text") return node.value;
  if (node.type !== "element") return null;
  const names = node.properties.className;
  return (
    <span key={key} className={Array.isArray(names) ? names.join(" ") : undefined}>
      {node.children.map(element)}
    </span>
  );
}
