import { createFileRoute } from "@tanstack/react-router";
import { VerifyEmail } from "~/features/sign-in/VerifyEmail";

export const Route = createFileRoute("/verify-email")({ component: VerifyEmail });
