/** Reactions that are one click away. */
export const quickEmoji: readonly string[] = ["👍", "❤️", "😂", "🎉", "👀"];
