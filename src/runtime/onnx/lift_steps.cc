// The steps' arithmetic, in the types and the order that ONNX Runtime computes them in.
#include <algorithm>
#include <cmath>

#include "runtime/onnx/lift_program.h"

namespace vigil::onnx {
namespace {

// Calls `visit` with the slot's values as an array of their own type.
template <typename Visit>
void WithValues(const Slot& slot, const void* data, Visit visit) {
  switch (slot.kind) {
    case Slot::Kind::kFloats: visit(static_cast<const float*>(data)); return;
    case Slot::Kind::kDoubles: visit(static_cast<const double*>(data)); return;
    case Slot::Kind::kIntegers:
    case Slot::Kind::kTexts: visit(static_cast<const int64_t*>(data)); return;
  }
}

template <typename Visit>
void WithValues(const Slot& slot, void* data, Visit visit) {
  switch (slot.kind) {
    case Slot::Kind::kFloats: visit(static_cast<float*>(data)); return;
    case Slot::Kind::kDoubles: visit(static_cast<double*>(data)); return;
    case Slot::Kind::kIntegers:
    case Slot::Kind::kTexts: visit(static_cast<int64_t*>(data)); return;
  }
}

template <typename T>
T Apply(char sign, T x, T y) {
  switch (sign) {
    case '+': return x + y;
    case '-': return x - y;
    case '*': return x * y;
    default: return x / y;
  }
}

template <typename T>
void Arithmetic(const Step& step, size_t width, const T* in, size_t n, T* out) {
  for (size_t r = 0; r < n; ++r) {
    for (size_t c = 0; c < width; ++c, ++in, ++out) {
      const T constant = static_cast<T>(step.a[c]);
      *out = step.constant_first ? Apply(step.sign, constant, *in) : Apply(step.sign, *in, constant);
    }
  }
}

// A row of zeros stays as it is.
void NormalizeRow(char norm, size_t width, const float* in, float* out) {
  float sum = 0;
  for (size_t c = 0; c < width; ++c) sum += norm == '1' ? std::abs(in[c]) : in[c] * in[c];
  if (sum == 0) {
    std::copy(in, in + width, out);
    return;
  }
  for (size_t c = 0; c < width; ++c) {
    if (norm == '1') {
      out[c] = in[c] / sum;
    } else {
      const float magnitude = std::sqrt(in[c] * in[c] / sum);
      out[c] = in[c] < 0 ? -magnitude : magnitude;
    }
  }
}

void Impute(const Step& step, size_t width, const float* in, size_t n, float* out) {
  const auto replaced = static_cast<float>(step.b[0]);
  for (size_t r = 0; r < n; ++r) {
    for (size_t c = 0; c < width; ++c, ++in, ++out) {
      const bool replace = std::isnan(replaced) ? std::isnan(*in) : *in == replaced;
      *out = replace ? static_cast<float>(step.a[c]) : *in;
    }
  }
}

}  // namespace

void RunStep(const Step& step, const std::vector<Slot>& slots, const std::vector<const void*>& in, size_t n, void* out) {
  const Slot& from = slots[static_cast<size_t>(step.in[0])];
  const Slot& to = slots[static_cast<size_t>(step.out)];
  const auto width = static_cast<size_t>(from.width), out_width = static_cast<size_t>(to.width);
  switch (step.op) {
    case Step::Op::kCast:
      WithValues(from, in[0], [&](const auto* source) {
        WithValues(to, out, [&](auto* target) {
          using To = std::remove_pointer_t<decltype(target)>;
          for (size_t i = 0; i < n * width; ++i) target[i] = static_cast<To>(source[i]);
        });
      });
      return;
    case Step::Op::kScale:
      WithValues(from, in[0], [&](const auto* source) {
        auto* target = static_cast<float*>(out);
        for (size_t r = 0; r < n; ++r) {
          for (size_t c = 0; c < width; ++c, ++source, ++target) {
            *target = static_cast<float>((*source - static_cast<float>(step.a[c])) * static_cast<float>(step.b[c]));
          }
        }
      });
      return;
    case Step::Op::kNormalize:
      for (size_t r = 0; r < n; ++r) {
        NormalizeRow(step.sign, width, static_cast<const float*>(in[0]) + r * width, static_cast<float*>(out) + r * width);
      }
      return;
    case Step::Op::kImpute: Impute(step, width, static_cast<const float*>(in[0]), n, static_cast<float*>(out)); return;
    case Step::Op::kColumns:
      WithValues(from, in[0], [&](const auto* source) {
        auto* target = static_cast<std::remove_const_t<std::remove_pointer_t<decltype(source)>>*>(out);
        for (size_t r = 0; r < n; ++r) {
          for (size_t c = 0; c < out_width; ++c) target[r * out_width + c] = source[r * width + static_cast<size_t>(step.columns[c])];
        }
      });
      return;
    case Step::Op::kConcat:
      WithValues(to, out, [&](auto* target) {
        using To = std::remove_pointer_t<decltype(target)>;
        size_t at = 0;
        for (size_t i = 0; i < in.size(); ++i) {
          const Slot& part = slots[static_cast<size_t>(step.in[i])];
          const auto columns = static_cast<size_t>(part.width);
          WithValues(part, in[i], [&](const auto* source) {
            for (size_t r = 0; r < n; ++r) {
              for (size_t c = 0; c < columns; ++c) target[r * out_width + at + c] = static_cast<To>(source[r * columns + c]);
            }
          });
          at += columns;
        }
      });
      return;
    case Step::Op::kArithmetic:
      if (from.kind == Slot::Kind::kFloats) {
        Arithmetic(step, width, static_cast<const float*>(in[0]), n, static_cast<float*>(out));
      } else {
        Arithmetic(step, width, static_cast<const double*>(in[0]), n, static_cast<double*>(out));
      }
      return;
    case Step::Op::kTrees: return;  // the scorer's, which has the scratch memory
  }
}

}  // namespace vigil::onnx
