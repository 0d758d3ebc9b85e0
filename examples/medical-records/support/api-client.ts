/** Calls the HTTP gateway. */
export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
  /** The body, if it is a JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
}

export class ApiClient {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  get(path: string, token?: string): Promise<ApiAnswer> {
    return this.#send(path, "GET", token);
  }

  post(path: string, token?: string): Promise<ApiAnswer> {
    return this.#send(path, "POST", token);
  }

  async #send(path: string, method: string, token: string | undefined): Promise<ApiAnswer> {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(this.url + path, { method, headers });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
    return { status: response.status, text, body: isJson ? JSON.parse(text) : {} };
  }
}
