// Passkeys (WebAuthn Level 2). Browsers keep them for names, and for pages that came safely.

export const canUsePasskeys = () =>
  isSecureContext && 'PublicKeyCredential' in globalThis && !/^[\d.]+$|^\[/.test(location.hostname);

export function octets(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
}

export function encoded(buffer: ArrayBuffer | null | undefined): string {
  const text = btoa(String.fromCharCode(...new Uint8Array(buffer ?? new ArrayBuffer(0))));
  return text.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

type Options = Record<string, unknown>;

/** What proves to the server that this browser has a passkey for it. */
export async function assertion(options: Options) {
  const publicKey = { ...options, challenge: octets(String(options['challenge'])), allowCredentials: [] } as PublicKeyCredentialRequestOptions;
  const found = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  const response = found.response as AuthenticatorAssertionResponse;
  return {
    id: found.id,
    client_data: encoded(response.clientDataJSON),
    authenticator_data: encoded(response.authenticatorData),
    signature: encoded(response.signature),
    user_handle: encoded(response.userHandle),
  };
}

/** A new passkey, as the server wants it. */
export async function attestation(options: Options) {
  const user = options['user'] as Options;
  const known = (options['excludeCredentials'] ?? []) as Options[];
  const publicKey = {
    ...options,
    challenge: octets(String(options['challenge'])),
    user: { ...user, id: octets(String(user['id'])) },
    excludeCredentials: known.map((one) => ({ ...one, id: octets(String(one['id'])) })),
  } as unknown as PublicKeyCredentialCreationOptions;
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const response = made.response as AuthenticatorAttestationResponse;
  return { id: made.id, client_data: encoded(response.clientDataJSON), attestation: encoded(response.attestationObject) };
}
