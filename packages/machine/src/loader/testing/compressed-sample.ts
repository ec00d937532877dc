// Compressed samples made by the real tools (xz 5.4, lz4 1.9, zstd 1.5) from sampleCode(), for the tests of the decoders.

/** Text with x86 calls to few targets, a stretch dense with opcode-like bytes (the x86 filter's hard case), and zeros. */
export function sampleCode(): Uint8Array {
  const bytes = new Uint8Array(6000);
  let seed = 1;
  const random = (): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed >>> 16;
  };
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = i < 4000 ? 'call it code '.charCodeAt(i % 13) : 0;
  }
  for (let i = 0; i < 4000; i += 5 + (random() % 60)) {
    bytes[i] = random() % 3 === 0 ? 0xe9 : 0xe8;
    const target = ((random() % 8) * 256 - i - 5) | 0;
    new DataView(bytes.buffer).setInt32(i + 1, target, true);
  }
  for (let i = 4000; i < 4400; i++) bytes[i] = [0xe8, 0xe9, 0x00, 0xff, random()][random() % 5];
  return bytes;
}

/** `xz --x86 --lzma2=preset=9e --check=crc32` */
export const xzX86: string =
  '/Td6WFoAAAFpIt42AgEEACEBHACHbtrl4BdvAzBdAHP//LoNF40z0xaNJIzDO+qkmWUGjUrD8i9FshG1NwV40dSK7x+n' +
  'ksw24aVEhWYChtCw2NO1C7EKHlVIfq4F5JjweWWHyrsdMVKYzxRBL2ylYrVUR2qQ0u9AVQ3T8qgqAVHxvCI12/FYe56+' +
  'x2ex4kbduTXjdxgJR5BKK3jBxxNTteb9i3FNiz6kkhBVDWei87PrpcQG0WKOUjlz67dlAUjKvYdh/Xa6iavASzDIYdTC' +
  'A/jCgz3buSkBJ0W6r/JvzRrvB9D2RoipBNsPmNrWDhUusNcA0dwcVHhw+pwY9uVO6ijteMdGJQmYJnT5jthnoq+xU0Zw' +
  'uaWdbdeixUsC8TebiUgb6T96x4Q+CPyMr9NdSWJn/RRJ3YQ9nQxz0qtlv5M/jtKhSu5G0d/y8HzcRyMrzC0kcGLeuQYs' +
  'Y1P8e7+lDIa75SYd9+IU3SBU+bxoAQk5Ddm12eadQ1Dj4KQAQk8D3shBcPT77TRoO9+NUFUlbKC5CFSz9JmbU/BetfZt' +
  'rSlVNI3AAhnxnq/M/8M59I3w9y6V/XT0I3Z5rDVSiPNWYiU7fyizgg+p+V8z/NgC8V6aAoRWpD6BC/cgeLiUU+W2Grws' +
  'm5sMRf4/pjv999BJh0wdH+ubkDiOkbHKJ/cC7Fj52KlwAtNY6sheB4fRAmfKZmjIiJ4D+7NNYD4DSX5KLuYheibxd8qb' +
  '7MVSSmwT25leqI2rBmELCMvv1ArtXNBk0MzgFx0Tzrzma4yv4GsxxJd3jI+yubhK11iwiOizjnDk64xS5BpR/Kpg7KWs' +
  '0ywa4Pd3+UWGFfDjWtYVJ90YD9tHiiAdNdbyEHSIa8t4C6y9W1hPPNW7Wq02BcYDycwftkvKrXLM6e5VakH1pUFhzFHi' +
  'ZiYdH9j7SlC0mEpcCm+Q3KhCUyzYGPPG2tnObxtftbj5ZZ+MfmhlslJLGb19bXA0fUbPsNKSpAXLeAQqoUTt+Sicu6AP' +
  'VS12Zfa7vb4hcsDcCZB/7+r4+6C4QifV1wJkRcJPb97gOHHtsfZzJWyDHZgL6I9WsuBMO2fzhj6EqC2GBgqdWfCkFzWc' +
  'ByHDxGAF6bE6wziA7ef2QgKeAAA55rDuAAHIBvAuAADpwBsFPjANiwIAAAAAAVla';
/** `xz --x86=start=4096 --lzma2=lc=1,lp=2,pb=1`, CRC-64 */
export const xzCrc64: string =
  '/Td6WFoAAATm1rRGAwEEBAAQAAAhARYAXLHI++AXbwMqQABz//7WDTqDNiQUlZsxREJX/QzMTee1z9n/1rCSJpUO/iyC' +
  'QUDkOqo7xpvGfqatUPm1G+bf//TEr8hJShfBsMjKj0bKA2KM4G4WUlH9BlyMhtm3StfMA1CDNZsKkhBbqQug29ja1FfA' +
  'NqzyjZjaxhL53OJRVckUN8JdDNIM+gKAnIANZcUONSOrPPB8Alro0TBzt5UzJfZlUUmohXrw/UW5Hm58/fmMPbH93yO9' +
  'h+nmtZkWKz+SqG01NCjfZxncT2CQ/tAt+x8/L0FNy7nSYIaKbXTaCebOG2SjvXrn9l5rCVseg8+KKsOyPg7RWWX1aX16' +
  'uLGYvIzFRKzxlLV0eGsJCK8B5TZkMXSdN6RDDgd3Nxs5PJ22JYw5yWF94AVNHmVaexCXSc2aXEKBhsU1jvnePtdDmFbh' +
  '3M6eHaaMya7BbabeJni9SVvtj0Ou8iwMMZvAiXn3K14wqYsaUssIL5FpD1hjp1xtKJfVbeTXATwWKX/c8hhWPc5fyRCc' +
  'LOmdueuZ41ZZ0kZ/3hep2b153QJLzuumE/yeGD/ajOPEutJ2QHsyt4jthXo0lW2h+bnK5HbHiywVhJFw9jparrCHjVhm' +
  'JXgFoPpJCPEUWoJEI/Oyd7/LqGeZGHWFSqJWwZkAKaBJZxwtCLmuIF+pwZEu6w3mUbpDAQkBicPNTRb5VWzJVIubmidj' +
  'SUQMBwTmZrY4ugIrxl3J2qUoGC8XXbsJa2ZuEku9LXTvJjP2TqECI3hZpH4+HORix6+WDY5uHdLgX/2dIyQFkx5JJtPI' +
  'zYnG4foEYUaID7jFr8Bggelr1tRNQmaUueju+c50nNYkk0za5eus9pRkv3QbYMVC7nOPqgm8zDLpQNwtubbZ3H2Z1aLk' +
  'EsMTSe40NUnJmRw5drefv57DqGGJX9GMEZY0RqJO4YaQN/6Ehz+NefYq8pyy76bzyTXgLBtAyjDv757FC6z7oGVa1MVn' +
  'OI56m5iPaFkehTiRWkNR49RCeyFByCFMAdGyAhvS7CMRsDKjkLfJ0Gb35psM4J7D+WQSaBUP42xwXofyRegUP9Xp5wQa' +
  'sETkOf3XWUWfymdXivIprAAAAADv+an2wZDQ/gABygbwLgAA4mHTSLHEZ/sCAAAAAARZWg==';
/** `xz --format=lzma` */
export const lzma: string =
  'XQAAAAT//////////wB0PrybC5Dc7vOkmHgexHrW9vkSbJzJVP1iJ9AiyyFaSUvdXokSmW2ob0G/prZwKr/Td65uVeWM' +
  'pOPBd3AXUVWiItnpm3igo4TWaiAVdbxQbjsCl8z/0s4HbYpjm13uiNWXy0xsPLKYPBETm20+Kx7fZdV+Ld6uuF5BNPCk' +
  'RJvKPsb5GYyZjBSL41MjvlaNr2Ev+5nLeYgWNDQO8mksqNX3ND4T3/dJI7gjfV9UrnmTGGXm3pLdGyDvEseO+abRTRWA' +
  'ScBHxr9wausslP/72fZwwmdxIumUh3+u6VYJx7plzCDnjh8RZekzx9jukkxlWyqY+V4cjb9SM8gOMHlSkHa6K6bua3ho' +
  'FBfnZZAypLxbCbHdBcHuzcFaOnY13VcRZr+2A81dTS1vM0p3hCU/dV8n3mvpJB6/hOczVMcjwh13hvBsIeehDSjdWrUl' +
  'tXpU2sxTtRaUW+D1s7iGdFsjUWHkRcpH1iFHO5CJ3JFmBrMHOBTVWvLA+rlera43DA3pFGCGkoBl8VMK8Qu1g3UzoKl1' +
  'DgFl9qMpIIkPbHD9c5tkcSB+LVI98aCT1sre64HsSrL58PoT4JGJV84iiwvrRn+xI+oA0FCOBlllpzZO0aLeRMFNtaxm' +
  'uW7b1Wp4jXzinnG/MN4wd9/4zF6kbSbuO1Vx+vgMKFDvN1q04YmLAcFJNlucEINHL/8PpSLnE1RTpcSkHuGlz3fM/oNj' +
  'P2wqR4Gtay7pHZWI+gnwVaqt65KKfdUrfeRbZtzZ2u7v2YkFiZnEN5HgD8gxQpyQeEYwMfXT1dkZRY2TIIl6iB8pLe7A' +
  'zOyKd0jVpSwSI5Gi1joh+X5FD3YohJ4jKYPDHCO0OlAk4AMBus2+tqW+KiI1XtlbE+L9ZvKlzSWCbDxcXKOY0a+KrKZX' +
  'IrUqdTmc2jTKsOoLApxL6AW38kZc0GW0mKy9oC3DQc5ix8Dq4PPfhtocaDZfJt9sxNMACYYCllLFPhAtvYWdFv1ZUpCb' +
  'LTOytf8Pz4dv/nzGDmnwe8DNwBLgmiEg5KjPZiBAPv4JaOBtii1pSJ/c8tB0o8PQy8SKoaiFBkt6SdFdl2myh75oU4sM' +
  'WRKU2VHauZZAZWbMYGOPdplAuYE0ngzNnoCCawx2HypmpDFkuRF07Da6BhUcdPvfMij71/zqLRJQXthzJXDkbPgtXlw/' +
  'PMV9xWSFUrpptF9aNG2DQ1OlXEpUZo3oNNLHYJlPh+v3dkUOXUQFm0iHVSIr7RWj8pNrv5aflg9ULfQkGPN3KOcP6/FO' +
  'kYosUmXirpBWAXJC5GqT/qVCGg==';
/** `lz4 -l -9` */
export const lz4: string =
  'AiFMGBIFAAD/A+j7BQAAaXQgY29kZSBjYWxsIA0AAV7p1QIAABoADw0AEiDomTwADxoAAF/pgAQAAE4AHDPpTAM0AFfo' +
  'QgAAABoAP+gyBU4AET/pCwZ1AB4ADQB/6dMEAABsbAQBHlDomwAAAA0AX+iS////JwADb+h3AQAAbF8BIz/oOwPQAAxV' +
  '6RkCAAANACUMBQ0AP+gAA/sBDi7o3LYADo8AX+i2AQAAqQANL5IDeQEhX+lb/v//JwAOX+g1BAAATgAMX+gRAwAAXwEU' +
  'P+jlAe4BDDjowwJOAF/otAAAAFsADy/pjScACT/obwIIAgZf6FP9//84ARFf6Sr///9fARRf6f77///LAhcT0MsCChkD' +
  'K7r+IgI26Kj+ggBf6Zv9///YAiA/6WMALwIhv+gs/f//YegmAQAAnwQVH/oEARlPYenLAFsACz/oqvqxAgBf6JT8//9e' +
  'BAhPdfv//4IAEzTpSgGGASDpP+sBBqABTzD6//88AgJPF/r//3kBFk/q/f//qQAHHMzuAQ+sBBUq6ZKwBQ9aAwcvaQCo' +
  'AwAi6FN9Aj/oS/oQBAcg6C56Ai7oKGwBD+oAAk8A////CwYgAFIBT8X+//8PByQvivxwAgFf6HP5//9OABwv6T80ABAv' +
  '6BoQBAc+6P73dQAPBAEVJunBVgJf6LX3//80ABEfjYoCCTvpb/iPADTpXfzuATHoUvc4AS/oSlEEASDpNEEDD4IADz/o' +
  'DPypABJZY2Ho4vhoAF/o0vb//ysBGS7ooakAJeiN0AAPQAMcP+lT9kgFDznpLvZfAV/oHvf//1EEDk/5+P//eAQQLtL1' +
  'JwAPLwIWN+mU/KABL+iGhgEIMelp+eoAP+hh+WsEATbpSvhAA1/oPfr//1QIHy8H94YBCTfo6PTqADjo2vV5AT/oy/Uz' +
  'Aws46Kr16gAQnLcBD9oJIy9h9p8EJTRj6CXDAD/oG/UZAwYv6P8YBgw/6N70XwEaP+iu+XACBSDpk9wDP+iN9T8GIi/o' +
  'VX0CKQEABw9oABMv7fJoACM/6LT3rQEGX+iY8///xwEiAHACH1sYBhQ/6DL1LwIUj+gI9f//6AP36gAAAQABDZEHIdj4' +
  '+gQ/6ND1LwIAP+m69NMEHz/ohfQIAgw66GPybwU/6VL4aAANMugv86kALyf22AIGP+kL80gFBTro8PS+Aj/o3/H/AhE/' +
  '6Lj1JwAJO+mZ9AMEP+iH8XcHFlD/6P///6kIYOn/ln3R/w8AARIA8DHp4f/oAOgAAOkA6f8A6K/p6QDoV/996QDkTOn/' +
  'mVi9/+nt6Ono/+n/Nf8B/wDnCOkA0v/p6Moi6OgEAOj/cgkANwAwAOjoPQDxBQBL/+jpZenoAAD/6enoVOjp/+nocwCQ' +
  '6Nzo5wDo6ejoLQDwDvkAcuj/AG6S///p6Oj/sQC/3rJ5AP896ej/pQD/TwAATwnAAIv/6RjT/+j/2wD/AgDwJA3p6A8A' +
  '6QDoAFD/AOnp6Onpg+j/AOl5ANTpAOj/6Oln6f//OgDo/+lO6AD+////5Oj/6IcAYP/o/+RYADAAECjrAHD/AOnC/+n/' +
  'rABA/+gA6QMAMOnoAKYAQOkAALZfAPAF6Onp8ujoylro6a7/Sujo/+j2/+kvAAIEAQDkAPAC/+npbgCk//rpGv8pAHwA' +
  '6OgmAABaAFDp/+io6KQAED8lACB9shoAADwAgJAA6On/6OicWgFA6emzChwBAOkADwEA////////LVAAAAAAAA==';
/** `zstd -19 file`: the frame says its size. */
export const zstdSized: string =
  'KLUv/WRwFo0bAOY6lz3g2mY4a62XmtDSOqhh451VduvEQbhi52OyK/pNed5yCotZG798xY0HGsek+mDD8RQavIkIETO9' +
  'NKNRE5ICkwCMAIQAJIdu83Kf5Oa1BK9l6L9zZEl1D6txHxPS15aQ7HIP00qWIrTnkyyUPvdJRe43Jf2typH88rDt/gr3' +
  'STwlTUAVOpJRatJCltiUPCEoieLQ31bcEFma0v9MyRObU4A0LTjy5KFkyUb/oZIsUhIV5kgABC5HQ0mCKHkScSQqx5Em' +
  'opKmMZeCAaPHJ+WiBZBPisYPmQNrn2noij4Skbai/NGbagl64jOhAr0ryP2LSVdoej9rUAh9Vs+zjPSzJc26fFamv2pb' +
  'Ae61D32X6v7V03/9HI9+TMh9VnTvet23HJR14Vk89zGhHnlWUV1r+rECfdiGU/VbJfoxFvcuoBP6lpS+huW+tfVn0J37' +
  '14x+zEd/29L5sQlN/Xahr4UoSZ6S/Gkzyb0P88YTNFfo5PZ+KAavDL74sb2yTc/0572vJno32XNxPQTLryU/UoCMS1T7' +
  'gEvvIp5OG16aw3evb24rKYg+EUa8oFGUd03Kj0eWXc3x7/fBBA35fv794/Tor4guo9I4aX4Fp49E4J4loY+Eoa4Sf+TT' +
  'X+3or6rcZ1/6LjJtnfqZTgOcvXsAlLvyzkj7lUD4Xds+CbrZnfJYJf2OX29b4iCFGZw2Esa4m+XfvZbfzeqtaiZXFVza' +
  'o7uyvCnk3Zu9Hnvs5fed5fjxJ9z1mMLoPtleo39jR9xlh78X18sTwxvHq+Oud5wEy+OBnoE5p5l7GAX3Dz7vIwOAiqCR' +
  'DKSMvVR29g6AkAQzxc0BkD3iX8s/8owPKXAHQkrVAibcygf1e+CimAOskAO91vYTPP3UhlIGiInDtRRs52dxhgmglYZM' +
  'OXuFFGtmbKiGqJpGfBmAwD3YnQ61GWFzMRqSoTgnvNQDoBMLSEsQ8xwkca7h4YOYjejMhbyseCBy1PBVBz0xZKiQNqAD' +
  'cchGME24CwAzHEU99ySiiTTedjRtEIjo4O2QiUAKEPN3UvqEdcfAcvA19IPPu4fz4WVLPRdwuzI0u5e3af9gG6feBAdC' +
  'c2cLIWblOyYTVVuZMWflRiMm1rLHzXvjgC8czgJO8tGqBkoWf9eO9FFWBMjxbDswSyWIWUh0RLrqbPhEQGc1OwbVzg==';
/** `zstd -19 --no-check` from a pipe: it does not. */
export const zstdStream: string =
  'KLUv/QBojRsA5jqXPeDaZjhrrZea0NI6qGHjnVV268RBuGLnY7Ir+k153nIKi1kbv3zFjQcax6T6YMPxFBq8iQgRM700' +
  'o1ETkgKTAIwAhAAkh27zcp/k5rUEr2Xov3NkSXUPq3EfE9LXlpDscg/TSpYitOeTLJQ+90lF7jcl/a3KkfzysO3+CvdJ' +
  'PCVNQBU6klFq0kKW2JQ8ISiJ4tDfVtwQWZrS/0zJE5tTgDQtOPLkoWTJRv+hkixSEhXmSAAELkdDSYIoeRJxJCrHkSai' +
  'kqYxl4IBo8cn5aIFkE+Kxg+ZA2ufaeiKPhKRtqL80ZtqCXriM6ECvSvI/YtJV2h6P2tQCH1Wz7OM9LMlzbp8Vqa/alsB' +
  '7rUPfZfq/tXTf/0cj35MyH1WdO963bcclHXhWTz3MaEeeVZRXWv6sQJ92IZT9Vsl+jEW9y6gE/qWlL6G5b619WfQnfvX' +
  'jH7MR3/b0vmxCU39dqGvhShJnpL8aTPJvQ/zxhM0V+jk9n4oBq8MvvixvbJNz/Tnva8mejfZc3E9BMuvJT9SgIxLVPuA' +
  'S+8ink4bXprDd69vbispiD4RRrygUZR3TcqPR5ZdzfHv98EEDfl+/v3j9OiviC6j0jhpfgWnj0TgniWhj4ShrhJ/5NNf' +
  '7eivqtxnX/ouMm2d+plOA5y9ewCUu/LOSPuVQPhd2z4Jutmd8lgl/Y5fb1viIIUZnDYSxrib5d+9lt/N6q1qJlcVXNqj' +
  'u7K8KeTdm70ee+zl953l+PEn3PWYwug+2V6jf2NH3GWHvxfXyxPDG8er4653nATL44GegTmnmXsYBfcPPu8jA4CKoJEM' +
  'pIy9VHb2DoCQBDPFzQGQPeJfyz/yjA8pcAdCStUCJtzKB/V74KKYA6yQA73W9hM8/dSGUgaIicO1FGznZ3GGCaCVhkw5' +
  'e4UUa2ZsqIaomkZ8GYDAPdidDrUZYXMxGpKhOCe81AOgEwtISxDzHCRxruHhg5iN6MyFvKx4IHLU8FUHPTFkqJA2oANx' +
  'yEYwTbgLADMcRT33JKKJNN52NG0QiOjg7ZCJQAoQ83dS+oR1x8By8DX0g8+7h/PhZUs9F3C7MjS7l7dp/2Abp94EB0Jz' +
  'ZwshZuU7JhNVW5kxZ+VGIybWssfNe+OALxzOAk7y0aoGShZ/1470UVYEyPFsOzBLJYhZSHREuups+ERAZzU=';

/** A sample as bytes. */
export function decodeSample(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
