import { createFileRoute } from "@tanstack/react-router";
import { Join } from "~/features/join/Join";
import { keepJoinToken } from "~/features/join/join-token";
import { toSignInUnlessSignedIn } from "~/features/sign-in/guards";

/** Where an invite link of a room leads: /join#<token>. */
export const Route = createFileRoute("/join")({
  beforeLoad: ({ context }) => {
    if (!context.client) return;
    keepJoinToken();
    return toSignInUnlessSignedIn(context.client, "/join");
  },
  component: Join,
});
