import { PageFrame } from "~/features/app/PageFrame";
import { t } from "~/i18n/t";

export const AdminPage = () => <PageFrame title={t("admin.title")}>{null}</PageFrame>;
