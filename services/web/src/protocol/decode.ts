// What arrives, with zero values filled in.
import type {
  EventJson,
  FileJson,
  MessageJson,
  NoticeJson,
  RoomJson,
  ThreadJson,
  UserJson,
  UserRefJson,
} from "./gen/natter/chat/v1/chat_pb";
import type { PageJson, PresenceJson, RoomStateJson, WelcomeJson } from "./gen/natter/client/v1/frames_pb";
import type {
  File,
  Membership,
  Message,
  Notice,
  Page,
  Preferences,
  Presence,
  Room,
  RoomEvent,
  RoomUpdate,
  Thread,
  User,
  UserRef,
  Welcome,
} from "./types";

export const userRef = (json: UserRefJson = {}): UserRef => ({ id: "", username: "", avatar: "", isBot: false, ...json });

export const user = (json: UserJson = {}): User => ({ id: "", email: "", username: "", avatar: "", isBot: false, ...json });

const thread = (json: ThreadJson): Thread => ({ count: 0, lastSeq: 0, lastUserId: "", ...json });

export const file = (json: FileJson): File => ({ id: "", name: "", size: 0, type: "", width: 0, height: 0, hasThumbnail: false, ...json });

export const message = (json: MessageJson): Message => ({
  _id: "",
  seq: 0,
  ordinal: 0,
  roomId: "",
  userId: "",
  username: "",
  avatar: "",
  content: "",
  type: "text",
  fileUrl: "",
  isEdited: false,
  createdAt: "",
  updatedAt: "",
  replyTo: 0,
  isDeleted: false,
  isPinned: false,
  nonce: "",
  thread: 0,
  threadOrdinal: 0,
  ...json,
  reactions: (json.reactions ?? []).map((reaction) => ({ emoji: "", count: 0, userIds: [], ...reaction })),
  mentions: (json.mentions ?? []).map((mention) => ({ kind: "", userId: "", offset: 0, length: 0, ...mention })),
  file: json.file && file(json.file),
  replies: json.replies && thread(json.replies),
  quote: json.quote && { seq: 0, userId: "", username: "", content: "", type: "text", isDeleted: false, ...json.quote },
});

export const notice = (json: NoticeJson): Notice => ({
  seq: 0,
  firstSeq: 0,
  kind: "",
  count: 0,
  createdAt: "",
  role: "",
  ...json,
  users: (json.users ?? []).map(userRef),
  actor: userRef(json.actor),
});

export const room = (json: RoomJson = {}): Room => ({
  id: "",
  name: "",
  description: "",
  isPrivate: false,
  memberCount: 0,
  kind: "room",
  topic: "",
  avatar: "",
  isArchived: false,
  isAnnouncement: false,
  slowModeSeconds: 0,
  ...json,
  creator: userRef(json.creator),
  members: (json.members ?? []).map(userRef),
});

/** What a room is since it was changed: every field holds. */
export const roomUpdate = (
  json: RoomUpdate,
): Pick<Room, "name" | "description" | "topic" | "avatar" | "isPrivate" | "isArchived" | "isAnnouncement" | "slowModeSeconds"> => ({
  name: json.name ?? "",
  description: json.description ?? "",
  topic: json.topic ?? "",
  avatar: json.avatar ?? "",
  isPrivate: json.isPrivate ?? false,
  isArchived: json.isArchived ?? false,
  isAnnouncement: json.isAnnouncement ?? false,
  slowModeSeconds: json.slowModeSeconds ?? 0,
});

export const event = (json: EventJson): RoomEvent => ({
  roomId: "",
  seq: 0,
  ordinal: 0,
  createdAt: "",
  nonce: "",
  ...json,
  actor: { userId: "", username: "", avatar: "", ...json.actor },
});

export const page = (json: PageJson): Page => ({
  roomId: "",
  thread: 0,
  asOfSeq: 0,
  more: false,
  ...json,
  messages: (json.messages ?? []).map(message),
  notices: (json.notices ?? []).map(notice),
});

export const preferences = (json: RoomStateJson["preferences"] = {}): Preferences => ({
  isFavourite: false,
  hiddenSeq: 0,
  notifications: "",
  rev: 0,
  ...json,
});

export const membership = (json: RoomStateJson): Membership => ({
  role: "",
  headSeq: 0,
  unread: 0,
  readSeq: 0,
  mentions: 0,
  rev: 0,
  ...json,
  room: room(json.room),
  preferences: preferences(json.preferences),
});

export const welcome = (json: WelcomeJson): Welcome => ({
  connectionId: "",
  epoch: "",
  more: false,
  pingSeconds: 25,
  ...json,
  user: user(json.user),
  rooms: (json.rooms ?? []).map(membership),
});

export const presence = (json: PresenceJson): Presence => ({
  userId: "",
  online: false,
  away: false,
  ...json,
  status: json.status && { text: "", emoji: "", doNotDisturb: false, ...json.status },
});
