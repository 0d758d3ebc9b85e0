/** Texts in place of what is kept back. They say what to do, and nothing of the data. */

/** The vault cannot seal or open at the moment: the tool was not run. */
export const NOT_EXECUTED_VAULT_DOWN: string =
  "Not executed: the vault that keeps sensitive data is unavailable. Try again later.";

/** A handle cannot be opened by this tool, for whatever reason. */
export const NOT_EXECUTED_HANDLE: string =
  "Not executed: a handle in the arguments cannot be opened by this tool. It is unknown, expired, " +
  "used up, or not granted to this tool. Call the tool that returned it again for a new handle, and " +
  "pass that to a tool it was made for.";

/** A handle stands where what it stands for could be more than a value. */
export const NOT_EXECUTED_PLACE: string =
  "Not executed: a handle in the arguments stands at a place where its value could end a string, a " +
  "word or a command. Put it within a string of the JSON, or outside of the quotes of the command.";

/** A handle in an argument is not in a form in which it is opened, or is mangled. */
export function leftoverRefusal(place: string): string {
  return (
    `Not executed: the argument at ${place} holds a handle in a form that is not read. Pass the ` +
    "handle_id alone, exactly as it was given: hdl_ and 32 digits, and #/ with a path for a part of it."
  );
}

/** The arguments, handles opened, do not fit what the tool takes. */
export const NOT_EXECUTED_MISFIT: string = "Not executed: the arguments do not fit the tool.";

/** It is not known for whom the agent works. */
export const NOT_EXECUTED_UNKNOWN_SUBJECT: string =
  "Not executed: nobody is known for whom this is done. Authenticate, and try again.";

/** The policy does not let this be called. */
export const NOT_EXECUTED_REFUSED: string = "Not executed: the policy does not allow this.";

/** The tool ran, but its output could not be sealed. */
export const OUTPUT_WITHHELD: string =
  "Executed, but the output is withheld because it could not be sealed. Do not retry: " +
  "the tool has done its work.";

/** The tool ran, but what it returned is no result of the protocol. */
export const OUTPUT_UNREADABLE: string =
  "Executed, but the output is withheld because it could not be read. Do not retry: the tool has " +
  "done its work.";

/** The call was sent, and no answer came or will come. */
export const MAY_HAVE_RUN: string =
  "The server gave no answer. The tool may have been executed: do not retry before you know that it " +
  "was not.";

/** Too many requests of the connection wait for an answer. */
export const NOT_EXECUTED_TOO_MANY: string =
  "Not executed: too many requests wait for an answer. Try again when some were answered.";

/** The server has ended before it was asked. */
export const NOT_EXECUTED_ENDED: string = "Not executed: the server has ended.";

/** The tool ran, but its output is too large to be searched for values that were opened. */
export const OUTPUT_TOO_LARGE: string =
  "Executed, but the output is withheld because it is too large to be searched for sensitive " +
  "values. Do not retry: the tool has done its work. Ask for less at once.";

/** The handles in the arguments hold more than the output could be searched for. */
export const NOT_EXECUTED_TOO_LARGE: string =
  "Not executed: the handles in the arguments hold more than this tool may open at once. " +
  "Pass fewer handles, or parts of them by #/pointer.";

/** In place of content that repeats a value in a form that has no place for a handle. */
export const CONTENT_WITHHELD: string = "Withheld: it repeats a value that a handle stands for.";

/** The tool asks for something that is not passed on. */
export const INPUT_WITHHELD: string =
  "The tool did not finish: it asks for more input, or answers later, in words that are withheld.";

/** The tool reported an error. */
export const ERROR_WITHHELD: string = "The tool reported an error; its text is withheld.";

/** What a handle of an error stands for. */
export const ERROR_SAFE_VIEW: string = "an error that the tool reported";

/** In place of a log entry or a progress message. */
export const NOTICE_WITHHELD: string = "withheld";

/** What the description of a tool that opens handles says in addition. */
export const HANDLES_ACCEPTED: string =
  "Where an argument may be a handle, pass the handle_id of an earlier result: the tool gets the " +
  "value, you do not. For a part of the value add its path, such as hdl_…#/address/city.";

/** A question about a handle is not answered, for whatever reason. */
export const HANDLE_REFUSED: string =
  "The handle is unknown, expired or used up, or the caller may not do this with it. Call the tool " +
  "that returned it again for a new handle, or leave it to those whom it was made for.";

/** A question about a handle cannot be answered at the moment. */
export const VAULT_UNAVAILABLE: string = "The vault is unavailable. Try again later.";

/** It is not known who asks about a handle. */
export const NOT_EXECUTED_UNKNOWN_CALLER: string =
  "Not executed: it is not known who calls. Authenticate, and try again.";
