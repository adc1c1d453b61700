#include "frontends/arrow/arrow_guard.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "frontends/errors.h"
#include "frontends/words.h"
#include "prediction/pipeline.h"

// Generated code of the library, C that is not written for our warnings.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "nanoarrow/ipc/flatcc_generated.h"
#pragma GCC diagnostic pop

// The generated names: the format's namespace in front of each.
#define FB(name) org_apache_arrow_flatbuf_##name

namespace vigil {
namespace {

Status Malformed(std::string_view what) { return Failure(ErrorCode::kMalformed, Concat("Arrow stream: ", what)); }
Status Refused(std::string_view what) { return Failure(ErrorCode::kInvalid, Concat("Arrow stream: ", what)); }
Status TooLarge(std::string_view what) { return Failure(ErrorCode::kTooLarge, Concat("Arrow stream: ", what)); }

// ---- verification of the metadata: flatcc's primitives, with a count of visits ----

// A table may be named by any number of others, so that a small buffer can ask for more visits than there will ever be time for. The
// verifier takes plain functions, hence a variable of the thread.
thread_local int visits_left = 0;
constexpr int kTooManyVisits = 1000;  // none of flatcc's own codes

int Visit() { return --visits_left < 0 ? kTooManyVisits : flatcc_verify_ok; }

#define VERIFY(call) \
  if (const int code = (call); code != flatcc_verify_ok) return code

int VerifyPair(flatcc_table_verifier_descriptor_t* td) {
  VERIFY(Visit());
  return FB(KeyValue_verify_table)(td);
}

int VerifyField(flatcc_table_verifier_descriptor_t* td) {
  VERIFY(Visit());
  VERIFY(flatcc_verify_string_field(td, 0, 0));  // name
  VERIFY(flatcc_verify_field(td, 1, 1, 1));      // nullable
  VERIFY(flatcc_verify_union_field(td, 3, 0, &FB(Type_union_verifier)));
  VERIFY(flatcc_verify_table_field(td, 4, 0, &FB(DictionaryEncoding_verify_table)));
  // Nested columns are refused by their type, which has no children where it is one that is read.
  VERIFY(flatcc_verify_vector_field(td, 5, 0, sizeof(flatbuffers_uoffset_t), sizeof(flatbuffers_uoffset_t), INT64_C(1073741823)));
  return flatcc_verify_table_vector_field(td, 6, 0, &VerifyPair);
}

int VerifySchema(flatcc_table_verifier_descriptor_t* td) {
  VERIFY(flatcc_verify_field(td, 0, 2, 2));  // endianness
  VERIFY(flatcc_verify_table_vector_field(td, 1, 0, &VerifyField));
  VERIFY(flatcc_verify_table_vector_field(td, 2, 0, &VerifyPair));
  return flatcc_verify_vector_field(td, 3, 0, 8, 8, INT64_C(536870911));  // features
}

int VerifyHeader(flatcc_union_verifier_descriptor_t* ud) {
  switch (ud->type) {
    case FB(MessageHeader_Schema): return flatcc_verify_union_table(ud, VerifySchema);
    case FB(MessageHeader_DictionaryBatch): return flatcc_verify_union_table(ud, FB(DictionaryBatch_verify_table));
    case FB(MessageHeader_RecordBatch): return flatcc_verify_union_table(ud, FB(RecordBatch_verify_table));
    default: return flatcc_verify_ok;  // refused by its type
  }
}

int VerifyMessage(flatcc_table_verifier_descriptor_t* td) {
  VERIFY(flatcc_verify_field(td, 0, 2, 2));  // version
  VERIFY(flatcc_verify_union_field(td, 2, 0, &VerifyHeader));
  VERIFY(flatcc_verify_field(td, 3, 8, 8));  // bodyLength
  return flatcc_verify_table_vector_field(td, 4, 0, &VerifyPair);
}

// ---- the schema ----

// How many buffers a column of that type has; below 0: it is not read, and `why` is what is said of it.
int BuffersOf(int type, std::string_view* why) {
  switch (type) {
    case FB(Type_Null): return 0;
    case FB(Type_Int):
    case FB(Type_FloatingPoint):
    case FB(Type_Bool):
    case FB(Type_Date):
    case FB(Type_Time):
    case FB(Type_Timestamp):
    case FB(Type_Duration):
    case FB(Type_Decimal): return 2;
    case FB(Type_Utf8):
    case FB(Type_LargeUtf8):
    case FB(Type_Binary):
    case FB(Type_LargeBinary): return 3;
    case FB(Type_Utf8View): *why = "a string view: cast it to a string (in polars: compat_level=0 or CompatLevel.oldest())"; return -1;
    case FB(Type_BinaryView): *why = "a binary view: cast it to a string"; return -1;
    case FB(Type_RunEndEncoded): *why = "run-end encoded: decode it first"; return -1;
    case FB(Type_FixedSizeBinary): *why = "fixed-size binary: cast it to a string"; return -1;
    case FB(Type_Interval): *why = "an interval: send a number"; return -1;
    case FB(Type_List):
    case FB(Type_LargeList):
    case FB(Type_FixedSizeList):
    case FB(Type_ListView):
    case FB(Type_LargeListView): *why = "a list: send each of its elements as a column, NAME_0, NAME_1, ..."; return -1;
    case FB(Type_Struct_):
    case FB(Type_Map):
    case FB(Type_Union): *why = "nested: send each of its fields as a column"; return -1;
    default: *why = "of a type that is not known"; return -1;
  }
}

// Adds what a list of pairs would take to copy. A pair without key or value is none.
Status CountPairs(FB(KeyValue_vec_t) pairs, size_t* bytes) {
  for (size_t i = 0; i < FB(KeyValue_vec_len)(pairs); ++i) {
    const FB(KeyValue_table_t) pair = FB(KeyValue_vec_at)(pairs, i);
    if (FB(KeyValue_key)(pair) == nullptr || FB(KeyValue_value)(pair) == nullptr) return Malformed("a pair of its metadata is half empty");
    *bytes += flatbuffers_string_len(FB(KeyValue_key)(pair)) + flatbuffers_string_len(FB(KeyValue_value)(pair));
    if (*bytes > kArrowNamesBytesMax) return TooLarge(Concat("names and metadata take more than ", kArrowNamesBytesMax, " bytes"));
  }
  return absl::OkStatus();
}

StatusOr<ArrowField> ReadField(FB(Field_table_t) field, size_t* bytes) {
  ArrowField read;
  if (const flatbuffers_string_t name = FB(Field_name)(field); name != nullptr) read.name.assign(name, flatbuffers_string_len(name));
  *bytes += read.name.size();
  VIGIL_RETURN_IF_ERROR(CountPairs(FB(Field_custom_metadata)(field), bytes));
  const int type = FB(Field_type_type)(field);
  std::string_view why;
  read.buffers = BuffersOf(type, &why);
  if (read.buffers < 0) return Failure(ErrorCode::kInvalid, Concat("Arrow column \"", read.name, "\" is ", why), read.name);
  if (!FB(Field_type_is_present)(field)) return Malformed(Concat("column \"", read.name, "\" has no type"));
  if (FB(Field_children_is_present)(field) && flatbuffers_vec_len(FB(Field_children)(field)) != 0)
    return Malformed(Concat("column \"", read.name, "\" has children"));
  if (!FB(Field_dictionary_is_present)(field)) return read;
  const FB(DictionaryEncoding_table_t) dictionary = FB(Field_dictionary)(field);
  if (!FB(DictionaryEncoding_indexType_is_present)(dictionary))
    return Malformed(Concat("the indexes of column \"", read.name, "\" have no type"));
  if (read.buffers == 0) return Malformed(Concat("column \"", read.name, "\" is a dictionary of nothing"));
  read.value_buffers = read.buffers;
  read.buffers = 2;
  read.dictionary = FB(DictionaryEncoding_id)(dictionary);
  return read;
}

}  // namespace

Status ArrowGuard::CheckSchema(const void* header) {
  const auto schema = static_cast<FB(Schema_table_t)>(header);
  if (has_schema_) return Malformed("a second schema");
  if (FB(Schema_endianness)(schema) != FB(Endianness_Little)) return Refused("big-endian: send little-endian");
  size_t bytes = 0;
  VIGIL_RETURN_IF_ERROR(CountPairs(FB(Schema_custom_metadata)(schema), &bytes));
  const FB(Field_vec_t) fields = FB(Schema_fields)(schema);
  for (size_t i = 0; i < FB(Field_vec_len)(fields); ++i) {
    VIGIL_ASSIGN_OR_RETURN(ArrowField field, ReadField(FB(Field_vec_at)(fields, i), &bytes));
    if (bytes > kArrowNamesBytesMax) return TooLarge(Concat("names and metadata take more than ", kArrowNamesBytesMax, " bytes"));
    if (field.value_buffers != 0) {
      // Columns that share a dictionary would need one type for it, which would have to be compared; no writer of tables makes them.
      for (const Dictionary& known : dictionaries_) {
        if (known.id == field.dictionary) return Refused(Concat("column \"", field.name, "\" shares another's dictionary"));
      }
      if (dictionaries_.size() >= kArrowDictionariesMax) return TooLarge(Concat("more than ", kArrowDictionariesMax, " dictionaries"));
      dictionaries_.push_back({field.dictionary, field.value_buffers, 0});
    }
    fields_.push_back(std::move(field));
  }
  has_schema_ = true;
  return absl::OkStatus();
}

StatusOr<ArrowMessage> ArrowGuard::CheckMetadata(absl::Span<const uint8_t> metadata, int64_t* body_bytes) {
  if (++messages_ > kArrowMessagesMax) return TooLarge(Concat("more than ", kArrowMessagesMax, " messages"));
  if (metadata.size() > kArrowMetadataBytesMax)
    return TooLarge(Concat("a message's metadata takes more than ", kArrowMetadataBytesMax, " bytes"));
  visits_left = kArrowColumnsMax;
  const int code = flatcc_verify_table_as_root(metadata.data(), metadata.size(), nullptr, &VerifyMessage);
  if (code == kTooManyVisits) return TooLarge(Concat("more than ", kArrowColumnsMax, " columns and pairs of metadata"));
  if (code != flatcc_verify_ok) return Malformed(Concat("a message's metadata is broken: ", flatcc_verify_error_string(code)));
  const FB(Message_table_t) message = FB(Message_as_root)(metadata.data());
  const int version = FB(Message_version)(message);
  if (version != FB(MetadataVersion_V4) && version != FB(MetadataVersion_V5)) return Refused("a version of the format before Arrow 0.8");
  *body_bytes = FB(Message_bodyLength)(message);
  if (*body_bytes < 0) return Malformed("a message's body is shorter than nothing");
  const void* const header = FB(Message_header)(message);
  if (header == nullptr) return Malformed("a message without content");
  const int type = FB(Message_header_type)(message);
  if (type == FB(MessageHeader_Schema)) {
    VIGIL_RETURN_IF_ERROR(CheckSchema(header));
    return ArrowMessage::kSchema;
  }
  if (!has_schema_) return Malformed("it does not begin with a schema");
  if (type == FB(MessageHeader_DictionaryBatch)) return ArrowMessage::kDictionary;
  if (type == FB(MessageHeader_RecordBatch)) return ArrowMessage::kRows;
  return Refused("tensors are not rows: send record batches");
}

Status ArrowGuard::CheckBody(absl::Span<const uint8_t> metadata, absl::Span<const uint8_t> body) {
  const FB(Message_table_t) message = FB(Message_as_root)(metadata.data());
  const void* const header = FB(Message_header)(message);
  if (FB(Message_header_type)(message) == FB(MessageHeader_RecordBatch)) {
    std::vector<int> buffers_of;
    buffers_of.reserve(fields_.size());
    for (const ArrowField& field : fields_) buffers_of.push_back(field.buffers);
    VIGIL_RETURN_IF_ERROR(CheckBatch(header, body, buffers_of, false));
    return CountDictionaries();
  }
  const auto batch = static_cast<FB(DictionaryBatch_table_t)>(header);
  if (!FB(DictionaryBatch_data_is_present)(batch)) return Malformed("a dictionary without values");
  const auto id = FB(DictionaryBatch_id)(batch);
  const auto found = std::find_if(dictionaries_.begin(), dictionaries_.end(), [id](const Dictionary& d) { return d.id == id; });
  if (found == dictionaries_.end()) return Malformed(Concat("dictionary ", id, " is no column's"));
  if (FB(DictionaryBatch_isDelta)(batch) && found->values != 0) {
    return Refused(Concat("dictionary ", id, " grows from batch to batch: send it whole"));
  }
  const FB(RecordBatch_table_t) values = FB(DictionaryBatch_data)(batch);
  VIGIL_RETURN_IF_ERROR(CheckBatch(values, body, {&found->buffers, 1}, true));
  found->values = FB(RecordBatch_length)(values);
  return absl::OkStatus();
}

// The library looks through a dictionary again with every batch.
Status ArrowGuard::CountDictionaries() {
  for (const Dictionary& dictionary : dictionaries_) dictionary_values_ += dictionary.values;
  if (dictionary_values_ <= kArrowDictionaryMax) return absl::OkStatus();
  return TooLarge(Concat("its dictionaries, times the batches that use them, hold more than ", kArrowDictionaryMax,
                         " values: send fewer, larger batches"));
}

Status ArrowGuard::CheckBatch(const void* table, absl::Span<const uint8_t> body, absl::Span<const int> buffers_of, bool dictionary) {
  const auto batch = static_cast<FB(RecordBatch_table_t)>(table);
  const FB(FieldNode_vec_t) nodes = FB(RecordBatch_nodes)(batch);
  const FB(Buffer_vec_t) buffers = FB(RecordBatch_buffers)(batch);
  const int64_t length = FB(RecordBatch_length)(batch);
  size_t expected = 0;
  for (const int count : buffers_of) expected += static_cast<size_t>(count);
  if (FB(FieldNode_vec_len)(nodes) != buffers_of.size() || FB(Buffer_vec_len)(buffers) != expected)
    return Malformed("a batch has not the columns of the schema");
  if (length < 0) return Malformed("a batch has fewer than no rows");
  if (length > static_cast<int64_t>(kRowsMax))
    return TooLarge(Concat("more than ", kRowsMax, dictionary ? " values in a dictionary" : " rows in one request"));
  buffers_ += static_cast<int64_t>(expected);
  if (buffers_ > kArrowBuffersMax) return TooLarge(Concat("more than ", kArrowBuffersMax, " buffers: send fewer, larger batches"));
  for (size_t i = 0; i < buffers_of.size(); ++i) {
    const auto node = FB(FieldNode_vec_at)(nodes, i);
    const int64_t nulls = FB(FieldNode_null_count)(node);
    if (FB(FieldNode_length)(node) != length || nulls < 0 || nulls > length)
      return Malformed(Concat("column ", i, " of a batch has another length"));
  }
  const bool packed = FB(RecordBatch_compression_is_present)(batch);
  if (packed && dictionary) return Refused("a dictionary is compressed: send it uncompressed, or cast the column to a string");
  if (packed && FB(BodyCompression_method)(FB(RecordBatch_compression)(batch)) != FB(BodyCompressionMethod_BUFFER))
    return Refused("a batch is compressed as a whole: only its buffers may be");
  const auto total = static_cast<int64_t>(body.size());
  for (size_t i = 0; i < expected; ++i) {
    const auto buffer = FB(Buffer_vec_at)(buffers, i);
    const int64_t offset = FB(Buffer_offset)(buffer), bytes = FB(Buffer_length)(buffer);
    if (offset < 0 || bytes < 0 || offset > total || bytes > total - offset || (bytes > 0 && offset % 8 != 0))
      return Malformed(Concat("buffer ", i, " of a batch is not in its body"));
    if (!packed || bytes == 0) continue;
    int64_t unpacked = 0;
    if (bytes < static_cast<int64_t>(sizeof(unpacked))) return Malformed(Concat("compressed buffer ", i, " of a batch has no length"));
    std::memcpy(&unpacked, body.data() + offset, sizeof(unpacked));
    if (unpacked < -1) return Malformed(Concat("compressed buffer ", i, " of a batch is shorter than nothing"));
    if (unpacked > kArrowUnpackedBytesMax || (unpacked_ += std::max<int64_t>(unpacked, 0)) > kArrowUnpackedBytesMax)
      return TooLarge(Concat("its compressed buffers hold more than ", kArrowUnpackedBytesMax, " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace vigil
