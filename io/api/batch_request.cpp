#include "io/api/batch_request.h"

#include <algorithm>

#include "core/base/limits.h"
#include "io/json/base64.h"
#include "io/json/json.h"

namespace patronus::api {
namespace {

std::string read_key(json::Fields& in, bool prefix) {
  std::string key = in.required_string("key", {.bytes_max = limits::kKeyBytesMax});
  if (in.has("key") && !(prefix && key.empty())) {
    if (const std::optional<std::string> fault = key_fault(key)) in.error("key", *fault);
  }
  return key;
}

// A value is given as text or, for any bytes, in base64.
Blob read_value(json::Fields& in, std::string& content_type) {
  const std::optional<std::string> text = in.optional_string("value", {.bytes_max = limits::kValueBytesMax});
  const std::optional<std::string> coded =
      in.optional_string("value_base64", {.bytes_max = limits::kValueBytesMax * 4 / 3 + 4});
  if (text && coded) in.error("value_base64", "give value or value_base64, not both");
  if (!in.has("value") && !in.has("value_base64"))
    in.error("value", "is missing", json::FieldFault::kMissing);
  content_type = text ? "text/plain; charset=utf-8" : "application/octet-stream";
  if (const auto type =
          in.optional_string("content_type", {.bytes_min = 1, .bytes_max = limits::kContentTypeBytesMax})) {
    const bool printable =
        std::all_of(type->begin(), type->end(), [](char c) { return c >= 0x20 && c < 0x7f; });
    if (!printable) in.error("content_type", "has only printable ASCII characters");
    content_type = *type;
  }
  if (text) return Blob(*text);
  if (!coded) return Blob();
  std::optional<std::string> bytes = json::base64_decode(*coded);
  if (!bytes) {
    in.error("value_base64", "is not base64");
    return Blob();
  }
  if (bytes->size() > limits::kValueBytesMax) {
    in.error("value_base64", "has more than " + std::to_string(limits::kValueBytesMax) + " bytes");
  }
  return Blob(std::move(*bytes));
}

BatchStep read_step(json::Fields& in) {
  BatchStep step;
  const std::string op = in.required_string("op", {.bytes_max = 32});
  if (op == "put") {
    step.kind = StepKind::kPut;
    step.value = read_value(in, step.content_type);
  } else if (op == "get") {
    step.kind = StepKind::kGet;
  } else if (op == "delete") {
    step.kind = StepKind::kDelete;
  } else if (op == "delete_prefix") {
    step.kind = StepKind::kDeletePrefix;
  } else if (in.has("op")) {
    in.error("op", "is put, get, delete or delete_prefix");
  }
  step.key = read_key(in, step.kind == StepKind::kDeletePrefix);
  return step;
}

void read_operand(json::Fields& in, Compare& compare, std::string& words) {
  switch (compare.target) {
    case CompareTarget::kExists: {
      const bool wanted = in.required_bool("value");
      compare.number = wanted ? 1 : 0;
      words += wanted ? "true" : "false";
      break;
    }
    case CompareTarget::kVersion:
    case CompareTarget::kModRevision:
      compare.number = static_cast<uint64_t>(in.required_int("value", 0));
      words += std::to_string(compare.number);
      break;
    case CompareTarget::kValue: {
      std::string ignored;
      compare.value = read_value(in, ignored);
      words += "the value given";
      break;
    }
  }
}

Compare read_compare(json::Fields& in, std::string& words) {
  Compare compare;
  compare.key = read_key(in, false);
  const std::string target = in.required_string("target", {.bytes_max = 32});
  const std::string op = in.required_string("op", {.bytes_max = 8});
  words = target + " of " + compare.key + " " + op + " ";
  if (op == "=") {
    compare.relation = CompareRelation::kEqual;
  } else if (op == "!=") {
    compare.relation = CompareRelation::kNotEqual;
  } else if (op == "<") {
    compare.relation = CompareRelation::kLess;
  } else if (op == ">") {
    compare.relation = CompareRelation::kGreater;
  } else if (in.has("op")) {
    in.error("op", "is =, !=, < or >");
  }
  if (target == "exists") {
    compare.target = CompareTarget::kExists;
  } else if (target == "version") {
    compare.target = CompareTarget::kVersion;
  } else if (target == "mod_revision") {
    compare.target = CompareTarget::kModRevision;
  } else if (target == "value") {
    compare.target = CompareTarget::kValue;
  } else {
    if (in.has("target")) in.error("target", "is exists, version, mod_revision or value");
    (void)in.optional_value("value");
    return compare;
  }
  read_operand(in, compare, words);
  return compare;
}

size_t bytes_of(const BatchOp& op) {
  size_t bytes = 0;
  for (const Compare& compare : op.compare) bytes += compare.key.size() + compare.value.size();
  for (const BatchStep& step : op.then)
    bytes += step.key.size() + step.value.size() + step.content_type.size();
  if (op.otherwise) {
    for (const BatchStep& step : *op.otherwise)
      bytes += step.key.size() + step.value.size() + step.content_type.size();
  }
  return bytes;
}

Problem problem_of(const json::Fields& in) {
  const bool invalid = in.only_invalid();
  return {invalid ? 422 : 400,
          invalid ? "invalid_batch" : "malformed_batch",
          "the batch has " + std::to_string(in.errors().size()) + " mistake" +
              (in.errors().size() == 1 ? "" : "s") + "; the first: " + in.errors().front().field + " " +
              in.errors().front().reason,
          false,
          false,
          in.errors()};
}

}  // namespace

std::variant<BatchOp, Problem> read_batch(const std::string& ns, std::string_view body,
                                          std::vector<std::string>& compares) {
  std::variant<picojson::value, json::Error> parsed = json::parse(body);
  if (const auto* error = std::get_if<json::Error>(&parsed)) {
    return Problem{
        400, "malformed_json", error->reason + " at byte " + std::to_string(error->offset), false, false, {}};
  }
  json::Fields in(std::get<picojson::value>(parsed));
  BatchOp op;
  op.ns = ns;
  in.optional_objects("compare", limits::kBatchOpsMax, [&](json::Fields& fields) {
    std::string words;
    op.compare.push_back(read_compare(fields, words));
    compares.push_back(std::move(words));
  });
  in.required_objects("then", limits::kBatchOpsMax,
                      [&](json::Fields& fields) { op.then.push_back(read_step(fields)); });
  std::vector<BatchStep> otherwise;
  if (in.optional_objects("else", limits::kBatchOpsMax,
                          [&](json::Fields& fields) { otherwise.push_back(read_step(fields)); })) {
    op.otherwise = std::move(otherwise);
  }
  if (!in.finish()) return problem_of(in);
  if (bytes_of(op) > limits::kBatchBytesMax) {
    return Problem{413,
                   "batch_too_large",
                   "keys and values of a batch have at most " + std::to_string(limits::kBatchBytesMax) +
                       " bytes together",
                   false,
                   false,
                   {}};
  }
  return op;
}

}  // namespace patronus::api
