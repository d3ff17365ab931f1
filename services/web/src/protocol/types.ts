// The nouns of the protocol as this client holds them. The generated types allow every field to be missing, because zero values
// may be left out of JSON; here everything is filled in once, where it arrives (decode.ts), and no component has to think of it.
import type {
  ActorJson,
  EventJson,
  FileJson,
  MentionJson,
  MessageJson,
  NoticeJson,
  QuoteJson,
  ReactionJson,
  RoomJson,
  StatusJson,
  ThreadJson,
  UserJson,
  UserRefJson,
} from "./gen/natter/chat/v1/chat_pb";
import type {
  MarkerMovedJson,
  PageJson,
  PreferencesJson,
  PresenceJson,
  ReceiptJson,
  RoomStateJson,
  ServerFrameJson,
  WelcomeJson,
} from "./gen/natter/client/v1/frames_pb";

export type { ClientFrameJson as ClientFrame } from "./gen/natter/client/v1/frames_pb";

/** Every field of T is there, but those of Absent, whose absence says something. */
type Filled<T, Absent extends keyof T = never> = { [K in Exclude<keyof T, Absent>]-?: NonNullable<T[K]> } & { [K in Absent]?: T[K] };

/** RFC 3339, as the server writes it. */
export type Timestamp = string;
export type RoomId = string;
export type UserId = string;
/** Place of an event in the log of its room: 1, 2, 3, … */
export type Seq = number;

export type User = Filled<UserJson>;
export type UserRef = Filled<UserRefJson>;
export type Actor = Filled<ActorJson>;
export type Mention = Filled<MentionJson>;
export type File = Filled<FileJson>;
export type Reaction = Filled<ReactionJson>;
export type Quote = Filled<QuoteJson>;
export type Thread = Filled<ThreadJson, "lastAt">;
export type Status = Filled<StatusJson, "expiresAt">;
export type Room = Omit<Filled<RoomJson, "createdAt" | "updatedAt">, "creator" | "members"> & { creator: UserRef; members: UserRef[] };
export type Message = Omit<
  Filled<MessageJson, "editedAt" | "replies" | "quote" | "file">,
  "reactions" | "mentions" | "replies" | "quote" | "file"
> & {
  reactions: Reaction[];
  mentions: Mention[];
  replies?: Thread;
  quote?: Quote;
  /** What fileUrl leads to, if that was uploaded to this server. */
  file?: File;
};
export type Notice = Omit<Filled<NoticeJson, "room">, "users" | "actor"> & { users: UserRef[]; actor: UserRef };
export type RoomUpdate = NonNullable<NoticeJson["room"]>;
/** An event as it comes: bodies are read where they are folded. */
export type RoomEvent = Omit<Filled<EventJson, EventBody>, "actor"> & { actor: Actor };
type EventBody = "message" | "edited" | "deleted" | "reaction" | "pinned" | "memberJoined" | "memberLeft" | "roomUpdated";
/** A page of history, newest first, exact as of asOfSeq. */
export interface Page {
  roomId: RoomId;
  thread: Seq;
  asOfSeq: Seq;
  more: boolean;
  messages: Message[];
  notices: Notice[];
}

export type Preferences = Filled<PreferencesJson>;
export type Membership = Omit<Filled<RoomStateJson, "mutedUntil">, "room" | "preferences"> & { room: Room; preferences: Preferences };
export type Marker = Filled<MarkerMovedJson>;
export type Receipt = Filled<ReceiptJson>;
export type Presence = Omit<Filled<PresenceJson, "lastSeen" | "status">, "status"> & { status?: Status };
export type Welcome = Omit<Filled<WelcomeJson, "tokenExpiresAt">, "rooms" | "user"> & { rooms: Membership[]; user: User };
export type ServerFrame = ServerFrameJson;
export type Role = "owner" | "admin" | "moderator" | "member" | "read_only";
export type { EventJson, MessageJson, PageJson, RoomJson, RoomStateJson, ServerFrameJson, WelcomeJson };
