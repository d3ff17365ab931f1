// What the log of security events knows. A newer server may know more.
export const kinds = [
  "user_registered",
  "login_ok",
  "login_failed",
  "bot_created",
  "bot_deleted",
  "token_created",
  "token_revoked",
  "sessions_revoked",
  "refresh_token_reused",
  "identity_linked",
  "identity_unlinked",
  "account_claimed",
  "keys_rotated",
  "keys_revoked",
  "email_verified",
  "email_changed",
  "password_changed",
  "password_reset",
  "profile_changed",
  "user_deactivated",
  "user_reactivated",
  "user_deleted",
  "role_changed",
  "second_factor_on",
  "second_factor_off",
  "recovery_code_used",
  "recovery_codes_made",
  "invitation_created",
  "invitation_revoked",
] as const;

export type Kind = (typeof kinds)[number];

export const isKind = (kind: string): kind is Kind => (kinds as readonly string[]).includes(kind);
