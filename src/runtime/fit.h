// Whether a batch is what a signature asks for: shared by the runtimes whose inputs are any tensors.
#pragma once

#include "base/status.h"
#include "domain/batch.h"
#include "domain/schema.h"

namespace vigil {

// The batch's tensor for input `i`: by name, or by position where there is only one, as a matrix goes. Null when there is none.
const TensorView* TensorOf(const Signature& signature, size_t i, const Batch& batch);

// INVALID_ARGUMENT unless the batch's tensors are the signature's inputs: names, types and shapes, with batch.rows() rows each.
Status CheckFits(const Signature& signature, const Batch& batch);

// The answer to a batch without rows: every output, without elements.
void FillEmpty(const Signature& signature, Outputs* outputs);

}  // namespace vigil
