/** What is wrong with a form as a whole; empty: nothing. */
export const FormError = ({ text }: { text: string }) =>
  text ? (
    <p role="alert" className="rounded-lg bg-danger-soft px-3 py-2 text-danger">
      {text}
    </p>
  ) : null;
