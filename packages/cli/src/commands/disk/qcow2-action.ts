// Opens a qcow2 image for a verb of `disk`, and closes it whatever happens.
import { openImageFile, Qcow2Image } from '@proxeny/machine/pc';

/** @throws BlockError, among others for what is no qcow2 image or is in use */
export async function withQcow2<T>(
  path: string,
  isReadOnly: boolean,
  action: (image: Qcow2Image) => Promise<T>,
): Promise<T> {
  const file = await openImageFile(path, { isReadOnly });
  try {
    return await action(await Qcow2Image.open(file));
  } finally {
    await file.close();
  }
}
