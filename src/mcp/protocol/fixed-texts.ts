/** Fixed texts that replace withheld data. They say how to proceed and contain no data. */

/** The vault is unavailable for sealing or opening, so the tool did not run. */
export const NOT_EXECUTED_VAULT_DOWN: string =
  "Not executed: the vault that keeps sensitive data is unavailable. Try again later.";

/** The tool cannot open a handle. The text is the same for every reason. */
export const NOT_EXECUTED_HANDLE: string =
  "Not executed: a handle in the arguments cannot be opened by this tool. It is unknown, expired, " +
  "used up, or not granted to this tool. Call the tool that returned it again for a new handle, and " +
  "pass that to a tool it was made for.";

/** A handle stands where its value could change the syntax around it. */
export const NOT_EXECUTED_PLACE: string =
  "Not executed: a handle in the arguments stands at a place where its value could end a string, a " +
  "word or a command. Put it within a string of the JSON, or outside of the quotes of the command.";

/** Returns the refusal for a handle that is malformed, or in a form that is not opened. */
export function leftoverRefusal(place: string): string {
  return (
    `Not executed: the argument at ${place} holds a handle in a form that is not read. Pass the ` +
    "handle_id alone, exactly as it was given: hdl_ and 32 digits, and #/ with a path for a part of it."
  );
}

/** The arguments with opened values do not match the tool's schema. */
export const NOT_EXECUTED_MISFIT: string = "Not executed: the arguments do not fit the tool.";

/** The subject of the call is unknown. */
export const NOT_EXECUTED_UNKNOWN_SUBJECT: string =
  "Not executed: nobody is known for whom this is done. Authenticate, and try again.";

/** The policy refuses the call. */
export const NOT_EXECUTED_REFUSED: string = "Not executed: the policy does not allow this.";

/** The tool ran, but sealing its output failed. */
export const OUTPUT_WITHHELD: string =
  "Executed, but the output is withheld because it could not be sealed. Do not retry: " +
  "the tool has done its work.";

/** The tool ran, but its output is not a valid result of the protocol. */
export const OUTPUT_UNREADABLE: string =
  "Executed, but the output is withheld because it could not be read. Do not retry: the tool has " +
  "done its work.";

/** The call was sent, but there was no answer and there will be none. */
export const MAY_HAVE_RUN: string =
  "The server gave no answer. The tool may have been executed: do not retry before you know that it " +
  "was not.";

/** The connection has too many pending requests. */
export const NOT_EXECUTED_TOO_MANY: string =
  "Not executed: too many requests wait for an answer. Try again when some were answered.";

/** The server ended before the call was sent. */
export const NOT_EXECUTED_ENDED: string = "Not executed: the server has ended.";

/** The tool ran, but its output is too large to search for opened values. */
export const OUTPUT_TOO_LARGE: string =
  "Executed, but the output is withheld because it is too large to be searched for sensitive " +
  "values. Do not retry: the tool has done its work. Ask for less at once.";

/** The values of the handles in the arguments are too large to search for in the output. */
export const NOT_EXECUTED_TOO_LARGE: string =
  "Not executed: the handles in the arguments hold more than this tool may open at once. " +
  "Pass fewer handles, or parts of them by #/pointer.";

/** Replaces content that repeats a value where a handle cannot be inserted, such as in bytes. */
export const CONTENT_WITHHELD: string = "Withheld: it repeats a value that a handle stands for.";

/** The tool asks for input, or answers later. Neither is forwarded. */
export const INPUT_WITHHELD: string =
  "The tool did not finish: it asks for more input, or answers later, in words that are withheld.";

/** The tool reported an error. */
export const ERROR_WITHHELD: string = "The tool reported an error; its text is withheld.";

/** The safe view of an error's handle. */
export const ERROR_SAFE_VIEW: string = "an error that the tool reported";

/** Replaces a log entry or a progress message. */
export const NOTICE_WITHHELD: string = "withheld";

/** The sentence that is added to the description of a tool that opens handles. */
export const HANDLES_ACCEPTED: string =
  "Where an argument may be a handle, pass the handle_id of an earlier result: the tool gets the " +
  "value, you do not. For a part of the value add its path, such as hdl_…#/address/city.";

/** A request about a handle is refused. The text is the same for every reason. */
export const HANDLE_REFUSED: string =
  "The handle is unknown, expired or used up, or the caller may not do this with it. Call the tool " +
  "that returned it again for a new handle, or leave it to those whom it was made for.";

/** A request about a handle failed because the vault is unavailable. */
export const VAULT_UNAVAILABLE: string = "The vault is unavailable. Try again later.";

/** The caller of a request about a handle is unknown. */
export const NOT_EXECUTED_UNKNOWN_CALLER: string =
  "Not executed: it is not known who calls. Authenticate, and try again.";
