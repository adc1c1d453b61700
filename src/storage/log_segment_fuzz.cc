// Any bytes as a log file: the walk ends, never reads outside, and never goes backwards; whatever decodes is consistent in itself.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "storage/log_format.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  DecodeLogHeader(file).status().IgnoreError();
  for (const int64_t begin : {int64_t{0}, static_cast<int64_t>(kLogHeaderBytes)}) {
    FrameCursor cursor(file, begin);
    Frame frame;
    int64_t last = begin;
    for (FrameCursor::Step step; (step = cursor.Next(&frame)) != FrameCursor::Step::kEnd;) {
      Require(frame.offset == last && cursor.offset() > last);
      last = cursor.offset();
      if (step != FrameCursor::Step::kFrame) continue;
      PredictionView view;
      SegmentFooter footer;
      std::vector<float> floats;
      if (DecodePrediction(frame.payload, &view)) {
        CopyFloats(view.features, &floats);
        Require(view.cleaning.empty() || view.cleaning.size() == floats.size());
        CopyFloats(view.outputs, &floats);
      }
      DecodeSchema(frame.payload).status().IgnoreError();
      DecodeFooter(frame.payload, &footer);
      const int64_t labels = LabelCount(frame.payload);
      for (int64_t i = 0; i < labels; ++i) LabelAt(frame.payload, i);
    }
  }
  // The decoders alone, which the checksum otherwise keeps hostile bytes from.
  PredictionView view;
  DecodePrediction(file, &view);
  DecodeSchema(file).status().IgnoreError();
  return 0;
}
