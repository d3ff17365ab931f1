import { MonitorSmartphone } from "lucide-react";
import { useCallback } from "react";
import { useClient } from "~/features/app/client-context";
import { Loading } from "~/features/app/pages";
import { useLoaded } from "~/features/app/use-loaded";
import { t } from "~/i18n/all";
import { sinceThen } from "~/i18n/dates";
import type { SessionJson } from "~/protocol/gen/natter/auth/v1/sessions_pb";
import { at } from "~/rest/rest.client";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import { Group, Row } from "~/ui/Group";

export default function SessionSettings() {
  const client = useClient();
  const sessions = useLoaded(useCallback((signal) => client.rest.get<SessionJson[]>("/auth/sessions", {}, signal), [client]));
  const end = async (path: string, done?: string) => {
    try {
      await client.rest.call("DELETE", path);
      sessions.reload();
      if (done) client.toast(done);
    } catch (error) {
      client.fail(error);
    }
  };
  const others = sessions.data?.some(({ current }) => !current);
  return (
    <Group
      title={t("settings.sessions")}
      hint={t("sessions.text")}
      action={
        others && (
          <Button kind="danger" onClick={() => void end("/auth/sessions", t("sessions.ended"))}>
            {t("sessions.endOthers")}
          </Button>
        )
      }
    >
      <FormError text={sessions.fault?.message ?? ""} />
      {!sessions.data && !sessions.fault && <Loading />}
      <ul>
        {sessions.data?.map(({ id = "", device = "", address = "", lastSeen, current }) => (
          <Row key={id}>
            <MonitorSmartphone aria-hidden size={20} className="shrink-0 text-ink-soft" />
            <div className="min-w-0 flex-1">
              <p className="flex flex-wrap items-center gap-x-2 font-medium">
                {device}
                {current && <span className="rounded-full bg-selected px-2 text-[12px] text-accent-ink">{t("sessions.current")}</span>}
              </p>
              <p className="text-[13px] text-ink-soft">{t("sessions.line", { address, when: sinceThen(lastSeen) })}</p>
            </div>
            {!current && (
              <Button aria-label={t("sessions.endLabel", { device })} onClick={() => void end(at`/auth/sessions/${id}`)}>
                {t("sessions.end")}
              </Button>
            )}
          </Row>
        ))}
      </ul>
    </Group>
  );
}
