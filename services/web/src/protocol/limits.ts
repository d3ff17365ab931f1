// Limits of the protocol that the client has to keep by itself. What an operator can set is the server's to say, as an error.
/** Bytes of a message's content. */
export const maxContentBytes = 8 * 1024;
/** Rooms that one hello or resume frame carries, so that it stays below the 32 KiB of a WebSocket message. */
export const maxCursors = 400;
/** Users whose presence a connection may watch. */
export const maxWatched = 200;
/** Messages of a page. */
export const pageSize = 50;
/** Users that a reaction names, and characters of a quote: as the server folds. */
export const maxReactors = 50;
export const maxQuote = 300;
/** Users that a notice names. */
export const maxNoticed = 10;
/** Milliseconds after which somebody who said they are typing is not any more. */
export const typingLife = 6000;
/** Members of a room up to which all are told who has received and read what. */
export const maxReceipts = 100;
