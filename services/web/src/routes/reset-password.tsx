import { createFileRoute } from "@tanstack/react-router";
import { ResetPassword } from "~/features/sign-in/ResetPassword";

export const Route = createFileRoute("/reset-password")({ component: ResetPassword });
