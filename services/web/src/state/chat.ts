// What the client knows of the server, and the shapes of it. Only apply.ts and pages.ts make new ones.
import type {
  Marker,
  Membership,
  Preferences,
  Presence,
  Room,
  RoomEvent,
  RoomId,
  Seq,
  Timestamp,
  User,
  UserId,
  UserRef,
} from "~/protocol/types";
import type { Timeline } from "./timeline";

export interface Chat {
  readonly me?: User;
  /** Of the last welcome. Cursors of another epoch are worth nothing. */
  readonly epoch: string;
  readonly rooms: Readonly<Record<RoomId, RoomEntry>>;
  /** Names and avatars of whoever was seen, for what carries only an id. */
  readonly people: Readonly<Record<UserId, UserRef>>;
  readonly presence: Readonly<Record<UserId, Presence>>;
  /** How often invitations of the user were made or taken back since the page was loaded: then the list is asked for again. */
  readonly invitations: number;
  /** Rooms that the welcome under way has listed; undefined: none is under way. */
  readonly listed?: ReadonlySet<RoomId>;
}

/** A room that the user is in. */
export interface RoomEntry {
  readonly room: Room;
  readonly role: string;
  readonly mutedUntil?: Timestamp;
  readonly preferences: Preferences;
  /** The last event that was applied: the next one is seq + 1. */
  readonly seq: Seq;
  /** The server was asked for what follows seq; its answer ends with caughtUp or reset. */
  readonly catchingUp: boolean;
  readonly marker: ReadMarker;
  /** When something was last said, as far as this client has seen. */
  readonly lastAt?: Timestamp;
  /** The newest events up to seq, without a gap: what pages and markers that are a little older lack. */
  readonly recent: readonly RoomEvent[];
  /** Who is typing, and until when (milliseconds of the monotonic clock). */
  readonly typing: Readonly<Record<UserId, number>>;
  readonly receipts: Readonly<Record<UserId, { readonly readSeq: Seq; readonly deliveredSeq: Seq }>>;
  /** What is loaded of its history: 0 is the room, others are threads, by the seq of their first message. */
  readonly windows: Readonly<Record<Seq, Timeline>>;
}

/** How far the user has read. `unread` and `mentions` count events up to countedTo. */
export type ReadMarker = Pick<Marker, "readSeq" | "rev" | "unread" | "mentions"> & { readonly countedTo: Seq };

/** What the server has to be told because of what it said. */
export type Effect = { kind: "resume"; roomId: RoomId; seq: Seq };

export const noChat: Chat = { epoch: "", rooms: {}, people: {}, presence: {}, invitations: 0 };

/** Events of a room that are kept beside its windows. */
export const maxRecent = 200;
/** Messages of a window; from there on it loses those at the far end. */
export const maxWindow = 600;

export const entryOf = (m: Membership): RoomEntry => ({
  room: m.room,
  role: m.role,
  mutedUntil: m.mutedUntil,
  preferences: m.preferences,
  seq: m.headSeq,
  catchingUp: false,
  marker: markerOf(m),
  recent: [],
  typing: {},
  receipts: {},
  windows: {},
});

export const markerOf = (m: Membership): ReadMarker => ({
  readSeq: m.readSeq,
  rev: m.rev,
  unread: m.unread,
  mentions: m.mentions,
  countedTo: m.headSeq,
});
