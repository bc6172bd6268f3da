// A real OpenID Connect provider on loopback: whoever types a name is signed in as that; an e-mail's domain is `hd`.
// Prints its port once it listens. Argument: the clients, as JSON.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const jwk = (type, options, use) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: "jwk" }), use: "sig", ...use,
});

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: JSON.parse(process.argv[2]),
    claims: { openid: ["sub", "hd"], email: ["email", "email_verified"], profile: ["name", "picture"] },
    conformIdTokenClaims: false,
    cookies: { keys: [randomBytes(32).toString("hex")] },
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "ES256", "HS256"] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        name: `Name of ${id}`,
        ...(id.includes("@") && { email: id, email_verified: true, hd: id.split("@")[1] }),
      }),
    }),
    jwks: {
      keys: [
        jwk("rsa", { modulusLength: 2048 }, { alg: "RS256", kid: "rsa" }),
        jwk("ec", { namedCurve: "P-256" }, { alg: "ES256", kid: "ec" }),
      ],
    },
    pkce: { required: () => true },
    ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 3600, IdToken: 3600, Interaction: 600, Session: 3600 },
  });
  const answer = provider.callback();
  server.on("request", (request, response) => {
    // Its pages have no choice of accounts; signing in anew is one.
    request.url = request.url.replace("prompt=select_account", "prompt=login");
    answer(request, response);
  });
  console.log(port);
});
