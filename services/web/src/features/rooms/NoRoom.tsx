import { MessagesSquare } from "lucide-react";
import { t } from "~/i18n/t";
import { EmptyState } from "~/ui/EmptyState";

export const NoRoom = () => <EmptyState heading="h1" icon={MessagesSquare} title={t("rooms.select")} text={t("rooms.selectHint")} />;
