import { describe, expect, it } from 'vitest';
import { hashPassword, isPasswordHash, verifyPassword } from '../../src/auth/password-hash.ts';

// Made with another implementation: python3 -c "import hashlib; hashlib.scrypt(b'caf\xc3\xa9', salt=b'0123456789abcdef', n=1024, r=8, p=1, dklen=32)"
const foreign = '$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$ggYm8nBqy2u8zqIdYezMAdJpjEV2LTASnSXoMw3zWKY';

describe('password hashes', () => {
  it('verify the password they were made of, and no other', async () => {
    const hash = await hashPassword('correct horse');
    expect(hash).toMatch(/^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(isPasswordHash(hash)).toBe(true);
    expect(await verifyPassword('correct horse', hash)).toBe(true);
    expect(await verifyPassword('correct hors', hash)).toBe(false);
    expect(await verifyPassword('', hash)).toBe(false);
  });

  it('have a salt each', async () => {
    const [one, other] = await Promise.all([hashPassword('same'), hashPassword('same')]);
    expect(one).not.toBe(other);
  });

  it('of another implementation are understood, composed and decomposed letters alike', async () => {
    expect(await verifyPassword('café', foreign)).toBe(true);
    expect(await verifyPassword('cafe\u0301', foreign)).toBe(true);
  });

  it.each([
    'secret',
    '',
    '$2b$12$abcdefghijklmnopqrstuv',
    '$scrypt$ln=15,r=8,p=1$c2FsdHNhbHRzYWx0$',
    '$scrypt$ln=4,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg',
    '$scrypt$ln=30,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg',
    '$scrypt$ln=15,r=0,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg',
    '$scrypt$ln=15,r=8,p=99$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg',
    '$scrypt$ln=15,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg\n',
  ])('are not what %j is', async (text) => {
    expect(isPasswordHash(text)).toBe(false);
    await expect(verifyPassword('x', text)).rejects.toThrow('not a password hash');
  });
});
