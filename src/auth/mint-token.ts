import { SignJWT } from 'jose';

/**
 * A JWT (RFC 7519) for `auth: {type: token}`, signed with HS256.
 * @param user becomes the claim `sub`
 * @param lifeSeconds from now until `exp`
 */
export async function mintToken(
  user: string,
  { secret, lifeSeconds }: { secret: string; lifeSeconds: number },
): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1000);
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(user)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + lifeSeconds)
    .sign(new TextEncoder().encode(secret));
}
