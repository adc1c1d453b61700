// ONNX Runtime's refusals in terms of the file.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/onnx/onnx_checks.h"

namespace vigil::onnx {
namespace {

// The operators of ai.onnx (to version 23) and ai.onnx.ml (to 5): only to name the one that was meant.
constexpr char kOperators[] =
    "Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization Bernoulli BitShift "
    "BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike Ceil Celu CenterCropPad Clip Col2Im Compress Concat "
    "ConcatFromSequence Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum DFT DeformConv DepthToSpace "
    "DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather "
    "GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization "
    "HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity If ImageDecoder InstanceNormalization IsInf IsNaN LRN LSTM "
    "LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxRoiPool "
    "MaxUnpool Mean MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul Multinomial Neg NegativeLogLikelihoodLoss NonMaxSuppression "
    "NonZero Not OneHot Optional OptionalGetElement OptionalHasElement Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear "
    "RMSNormalization RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum "
    "ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu Reshape Resize "
    "ReverseSequence RoiAlign RotaryEmbedding Round STFT Scan Scatter ScatterElements ScatterND Selu SequenceAt SequenceConstruct "
    "SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax "
    "SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze StringConcat StringNormalizer StringSplit "
    "Sub Sum Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Upsample Where Xor "
    "ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder LinearClassifier "
    "LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsemble TreeEnsembleClassifier "
    "TreeEnsembleRegressor ZipMap";

bool Has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// The first node of ONNX's own domains whose operator is not in the list.
const OnnxNode* UnknownOperator(const OnnxGraph& graph, const std::vector<std::string>& known) {
  for (const OnnxNode& node : graph.nodes) {
    if (!node.domain.empty() && node.domain != "ai.onnx.ml") continue;
    if (std::find(known.begin(), known.end(), node.op) == known.end()) return &node;
  }
  for (const OnnxGraph& subgraph : graph.subgraphs) {
    if (const OnnxNode* found = UnknownOperator(subgraph, known); found != nullptr) return found;
  }
  return nullptr;
}

}  // namespace

Status ExplainRefusal(const OnnxFile& file, const std::string& ort_version, const Status& refusal) {
  const std::string said(refusal.message());
  const std::string by = Cat(" (ONNX Runtime ", ort_version, " says: ", said, ")");
  if (Has(said, "IR version")) {
    return absl::UnimplementedError(
        Cat("model: IR version ", file.ir_version,
            " is newer than this ONNX Runtime reads: save it with an older onnx package, or install a newer runtime", by));
  }
  // "... Current official support for domain ai.onnx is till opset 24."
  if (const size_t at = said.find("till opset "); at != std::string::npos) {
    const int64_t newest = std::atoll(said.c_str() + at + std::string_view("till opset ").size());
    for (const auto& [domain, version] : file.opsets) {
      if (version <= newest || !Has(said, Cat("domain ", domain.empty() ? "ai.onnx" : domain))) continue;
      return absl::UnimplementedError(Cat("model: opset ", version, " of ", domain.empty() ? "ai.onnx" : Shown(domain),
                                          " is newer than this ONNX Runtime knows (up to ", newest, "): export with target_opset=", newest,
                                          " or less, or install a newer runtime", by));
    }
  }
  const std::vector<std::string> known = absl::StrSplit(kOperators, ' ');
  if (const OnnxNode* node = UnknownOperator(file.graph, known); node != nullptr) {
    return absl::UnimplementedError(Cat(node->place, ": no such operator in ", node->domain.empty() ? "ai.onnx" : Shown(node->domain),
                                        DidYouMean(Shown(node->op), known), by));
  }
  return Status(refusal.code(), Cat("ONNX Runtime ", ort_version, ": ", said));
}

}  // namespace vigil::onnx
