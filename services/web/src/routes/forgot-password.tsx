import { createFileRoute } from "@tanstack/react-router";
import { ForgotPassword } from "~/features/sign-in/ForgotPassword";

export const Route = createFileRoute("/forgot-password")({ component: ForgotPassword });
