import { Avatar as Radix } from "radix-ui";
import { cx } from "./class-names";

interface Props {
  /** Id of who or what it shows: it decides the colour behind the letters. */
  id: string;
  name: string;
  src?: string;
  size?: number;
  /** A room, not a person. */
  square?: boolean;
}

/** A picture, or the first letters of the name on a colour of its own. It says nothing that does not stand beside it. */
export function Avatar({ id, name, src, size = 36, square = false }: Props) {
  return (
    <Radix.Root
      aria-hidden
      className={cx("inline-flex shrink-0 overflow-hidden", square ? "rounded-lg" : "rounded-full")}
      style={{ width: size, height: size }}
    >
      {src && <Radix.Image src={src} alt="" className="size-full object-cover" />}
      <Radix.Fallback
        delayMs={src ? 300 : 0}
        className="flex size-full items-center justify-center font-semibold text-white"
        style={{ background: `oklch(0.52 0.12 ${hue(id)})`, fontSize: size * 0.4 }}
      >
        {[...name.trim()].slice(0, 1).join("").toUpperCase()}
      </Radix.Fallback>
    </Radix.Root>
  );
}

/** 0 to 359, always the same for an id. */
function hue(id: string): number {
  let sum = 7;
  for (const c of id) sum = (sum * 31 + c.charCodeAt(0)) % 3600;
  return sum % 360;
}
