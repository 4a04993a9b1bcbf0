interface Props {
  label: string;
}

/** A button that says something. */
export function Button({ label }: Props) {
  return <button className="b">{label}</button>;
}

export const useToggle = (on = false) => {
  return React.useState(on);
};
