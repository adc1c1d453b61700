// A native dialog: asks before something is changed, says why it failed when it did.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

export function Confirm({ title, action, onConfirm, onClose, children }: {
  title: string; action: string; onConfirm: () => Promise<unknown>; onClose: () => void; children: ComponentChildren;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const confirm = async () => {
    setBusy(true);
    setError(null);
    try {
      await onConfirm();
      onClose();
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} onClose={onClose} aria-label={title}>
      <h3>{title}</h3>
      <div>{children}</div>
      {error !== null && <p class="failed" role="alert">{error}</p>}
      <div class="buttons">
        <button onClick={onClose}>Cancel</button>
        <button class="primary" disabled={busy} onClick={() => void confirm()}>{action}</button>
      </div>
    </dialog>
  );
}
