/** Where the provider sends the person, who keeps cookies there for as long as it takes. */
export async function backFrom(there: URL): Promise<URL> {
  const cookies = new Map<string, string>();
  let url = there;
  for (let hop = 0; hop < 10; hop += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { redirect: "manual", headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (location === null) throw new Error(`${response.status}: ${await response.text()}`);
    url = new URL(location, url);
    if (url.origin !== there.origin) return url;
  }
  throw new Error("the provider leads nowhere");
}
