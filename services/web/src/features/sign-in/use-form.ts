import { type FormEvent, useState } from "react";
import { type Fault, toFault } from "~/protocol/fault";

/**
 * A form that is sent once at a time. `errorOf` is what the server says about a field, `error` what it says about none of `fields`.
 * `submit` may look at the fault itself, and return true when it has dealt with it.
 */
export function useForm(
  fields: readonly string[],
  submit: (data: FormData) => Promise<void>,
  handle: (fault: Fault) => boolean = () => false,
) {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault>();
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setBusy(true);
    setFault(undefined);
    try {
      await submit(new FormData(event.currentTarget));
    } catch (error) {
      const caught = toFault(error);
      if (!handle(caught)) setFault(caught);
    } finally {
      setBusy(false);
    }
  };
  const ofField = fault && fields.includes(fault.field);
  return {
    busy,
    onSubmit,
    error: fault && !ofField ? fault.message : "",
    errorOf: (field: string) => (fault?.field === field && ofField ? fault.message : ""),
  };
}
