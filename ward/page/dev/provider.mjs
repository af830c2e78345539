// A real OpenID Connect provider (the certified `oidc-provider`), for tests and trials on loopback only: everyone may sign in,
// and is in the groups that the name says.
//
//     node dev/provider.mjs PORT PAGE_URL CLIENT_SECRET
//
// `anna@ward-7-nurses` is Anna of that group. Its sign-in form takes any password.

import { Provider } from "oidc-provider";

const [port, page, secret] = process.argv.slice(2);

const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    {
      client_id: "pumpd-ward",
      client_secret: secret,
      redirect_uris: [`${page}/api/oidc/end`],
      post_logout_redirect_uris: [`${page}/`],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  claims: { openid: ["sub"], profile: ["name", "groups"] },
  pkce: { required: () => true },
  findAccount: (_, id) => {
    const [name, ...groups] = id.split("@");
    return { accountId: id, claims: () => ({ sub: id, name, groups }) };
  },
});

provider.listen(Number(port), "localhost", () => process.stdout.write("ready\n"));
