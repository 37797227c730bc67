/** A sheet from the bottom of a narrow screen. The browser's own dialog keeps the focus inside and closes on Esc. */
import { type ReactNode, useLayoutEffect, useRef } from "react";
import { s } from "../strings.ts";
import { Icon } from "../ui/icons.tsx";

export function Sheet({
  open,
  onClose,
  children,
}: {
  open: boolean;
  onClose: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before the content looks for a passage to scroll to: a closed dialog has no height.
  useLayoutEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc closes a dialog; the click is for the backdrop
    <dialog
      ref={dialog}
      aria-label={s.resume.title}
      onClose={onClose}
      onClick={(event) => event.target === event.currentTarget && onClose()}
      className="sheet border-line bg-paper text-ink fixed inset-x-0 top-auto bottom-0 m-0 h-[85dvh] w-full max-w-none overflow-hidden rounded-t-2xl border-t backdrop:bg-black/50"
    >
      <div className="flex h-full flex-col">
        <div className="border-line flex h-14 shrink-0 items-center justify-between border-b pr-2 pl-5 sm:pl-7">
          <span className="font-medium">{s.resume.title}</span>
          <button type="button" className="tool" onClick={onClose} aria-label={s.resume.close}>
            <Icon name="close" />
          </button>
        </div>
        <div className="min-h-0 flex-1">{open && children}</div>
      </div>
    </dialog>
  );
}
