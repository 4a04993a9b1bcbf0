// The address of what is shown, for links and for going back.

/** @param isNew whether Back should come here again. */
export function setAddress(address: string, isNew: boolean): void {
  if (location.hash === address) return;
  if (isNew) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}
