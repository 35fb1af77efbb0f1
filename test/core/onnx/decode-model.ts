// A CommonJS module whose names Node cannot detect, so all of it is the default export.
import onnxProto from 'onnx-proto';

const { ModelProto } = onnxProto.onnx;

/** Decodes a model with the protobuf classes generated from ONNX's own schema. */
export function decodeModel(bytes: Uint8Array): onnxProto.onnx.IModelProto {
  const model = ModelProto.decode(bytes);
  const invalid = ModelProto.verify(model);
  if (invalid) throw new Error(invalid);
  return ModelProto.toObject(model, { longs: Number, enums: Number, defaults: true, arrays: true });
}
