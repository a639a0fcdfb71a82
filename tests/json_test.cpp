// The strict reader, the writer, the reader of request bodies, and base64.
#include <gtest/gtest.h>
// rapidcheck's header needs gtest's before it.
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "io/json/base64.h"
#include "io/json/fields.h"
#include "io/json/json.h"
#include "io/json/writer.h"

namespace patronus::json::json_test {
namespace {

bool accepts(std::string_view text, const ParseLimits& limits = {}) {
  return std::holds_alternative<picojson::value>(parse(text, limits));
}

picojson::value must_parse(std::string_view text) {
  auto result = parse(text);
  if (const Error* error = std::get_if<Error>(&result)) {
    ADD_FAILURE() << text << ": " << error->reason << " at " << error->offset;
    return {};
  }
  return std::get<picojson::value>(std::move(result));
}

TEST(Json, Accepts) {
  for (const char* text : {"null",
                           "true",
                           " false ",
                           "0",
                           "-0",
                           "-1",
                           "9223372036854775807",
                           "-9223372036854775808",
                           "0.5",
                           "1e5",
                           "1E+5",
                           "1e-5",
                           "5e-324",
                           "1.7976931348623157e308",
                           "-0.0",
                           "\"\"",
                           "\"a\\n\\u00e9\\/\\\"\\\\\\b\\f\\r\\t\"",
                           "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
                           "\"\\ud83d\\ude00\"",
                           "\"\\u0000\"",
                           "\"\x7f\"",
                           "[]",
                           "{}",
                           "[1,[2,{\"a\":[]}],\"x\"]",
                           "{\"a\":1,\"b\":{\"a\":2},\"A\":3}",
                           "\r\n\t [ 1 , 2 ] \n",
                           "{\"\":0}"}) {
    EXPECT_TRUE(accepts(text)) << text;
  }
}

struct Refused {
  std::string text;
  const char* reason;
};

TEST(Json, Refuses) {
  const std::vector<Refused> cases = {
      {"", "ends too early"},
      {" ", "ends too early"},
      {"\xEF\xBB\xBF{}", "byte order mark"},
      {"{} {}", "after the end"},
      {"1 2", "after the end"},
      {"{}x", "after the end"},
      {std::string("1\0", 2), "after the end"},
      {"01", "begin with 0"},
      {"-01", "begin with 0"},
      {"00", "begin with 0"},
      {"1.", "decimal point"},
      {"1.e5", "decimal point"},
      {".5", "expected a value"},
      {"+1", "expected a value"},
      {"-", "expected a digit"},
      {"1e", "exponent"},
      {"1e+", "exponent"},
      {"0x10", "after the end"},
      {"NaN", "expected a value"},
      {"Infinity", "expected a value"},
      {"-Infinity", "expected a digit"},
      {"1e400", "range of a double"},
      {"-1e400", "range of a double"},
      {"1e99999999999999999999", "range of a double"},
      {"9223372036854775808", "64-bit"},
      {"-9223372036854775809", "64-bit"},
      {"123456789012345678901234567890", "64-bit"},
      {"nul", "expected a value"},
      {"nulll", "after the end"},
      {"TRUE", "expected a value"},
      {"'a'", "expected a value"},
      {"\"a", "inside a string"},
      {"\"\\", "inside a string"},
      {"\"\n\"", "control character"},
      {"\"\t\"", "control character"},
      {std::string("\"\0\"", 3), "control character"},
      {"\"\\x41\"", "unknown escape"},
      {"\"\\'\"", "unknown escape"},
      {"\"\\u12\"", "hexadecimal"},
      {"\"\\u12g4\"", "hexadecimal"},
      {"\"\\u+123\"", "hexadecimal"},
      {"\"\\u-123\"", "hexadecimal"},
      {"\"\\ud800\"", "surrogate"},
      {"\"\\ud800x\"", "surrogate"},
      {"\"\\ud800\\u0041\"", "surrogate"},
      {"\"\\ud800\\ud800\"", "surrogate"},
      {"\"\\udc00\"", "surrogate"},
      {"\"\\udc00\\ud800\"", "surrogate"},
      {"\"\x80\"", "UTF-8"},
      {"\"\xc3\"", "UTF-8"},
      {"\"\xc0\xaf\"", "UTF-8"},
      {"\"\xe0\x80\xaf\"", "UTF-8"},
      {"\"\xf0\x80\x80\xaf\"", "UTF-8"},
      {"\"\xed\xa0\x80\"", "UTF-8"},
      {"\"\xf4\x90\x80\x80\"", "UTF-8"},
      {"\"\xff\"", "UTF-8"},
      {"[1,]", "expected a value"},
      {"[,1]", "expected a value"},
      {"[1 2]", "expected , or ]"},
      {"[1", "ends too early"},
      {"[1}", "expected , or ]"},
      {"{\"a\":1]", "expected , or }"},
      {"{\"a\":1,}", "key in quotes"},
      {"{a:1}", "key in quotes"},
      {"{1:1}", "key in quotes"},
      {"{\"a\"}", "expected :"},
      {"{\"a\":}", "expected a value"},
      {"{", "key in quotes"},
      {"]", "expected a value"},
      {"/**/1", "expected a value"},
      {"{\"a\":1,\"a\":2}", "same key"},
      {"{\"a\":1,\"b\":{},\"\\u0061\":2}", "same key"},
      {"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "same key"},
      {"{\"/\":1,\"\\/\":2}", "same key"},
      {"{\"\\n\":1,\"\\u000a\":2}", "same key"},
      {"[{\"x\":{\"a\":1,\"b\":2,\"a\":3}}]", "same key"},
      {"{\"\":1,\"\":2}", "same key"},
  };
  for (const Refused& c : cases) {
    const auto result = parse(c.text);
    const Error* const error = std::get_if<Error>(&result);
    ASSERT_NE(error, nullptr) << c.text;
    EXPECT_NE(error->reason.find(c.reason), std::string::npos) << c.text << ": " << error->reason;
    EXPECT_LE(error->offset, c.text.size()) << c.text;
  }
  const auto twin = parse("{\"a\":1,\"b\":2,\"a\":3}");
  EXPECT_EQ(std::get<Error>(twin).offset, 13U);
}

TEST(Json, Limits) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(accepts(nested(32)));
  EXPECT_FALSE(accepts(nested(33)));
  EXPECT_FALSE(accepts(std::string(1000000, '[')));
  std::string objects;
  for (int i = 0; i < 33; ++i) objects += "{\"a\":";
  EXPECT_FALSE(accepts(objects + "1" + std::string(33, '}')));
  EXPECT_TRUE(accepts(nested(64), {.depth_max = 1000}));
  EXPECT_FALSE(accepts(nested(65), {.depth_max = 1000}));
  EXPECT_TRUE(accepts("[1,{\"a\":2}]", {.members_max = 3}));
  EXPECT_FALSE(accepts("[1,{\"a\":2}]", {.members_max = 2}));
  EXPECT_TRUE(accepts("\"abc\"", {.bytes_max = 5}));
  EXPECT_FALSE(accepts("\"abc\"", {.bytes_max = 4}));
}

TEST(Json, KeepsIntegersExact) {
  const auto value = must_parse("[9007199254740993,1.0,1e2]");
  EXPECT_EQ(value.get(0).get<int64_t>(), 9007199254740993);
  EXPECT_FALSE(value.get(1).is<int64_t>());
  EXPECT_FALSE(value.get(2).is<int64_t>());
}

TEST(Utf8, Validity) {
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8("plain ascii that is longer than a word"));
  EXPECT_TRUE(is_valid_utf8("\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80"));
  EXPECT_FALSE(is_valid_utf8("12345678\xc3"));
  EXPECT_FALSE(is_valid_utf8("1234567\xf0\x9f\x98"));
  EXPECT_FALSE(is_valid_utf8("\xf5\x80\x80\x80"));
}

TEST(JsonWriter, Writes) {
  std::string out;
  Writer w(out);
  w.begin_object()
      .field("s", "a\"\\\n\x01\x7f\xc3\xa9\xff/")
      .field("i", int64_t{std::numeric_limits<int64_t>::min()})
      .field("u", std::numeric_limits<uint64_t>::max())
      .field("n", 7)
      .field("d", 0.5)
      .field("whole", 1000.0)
      .field("big", 123456789012345678901.0)
      .field("inf", std::numeric_limits<double>::infinity())
      .field("b", true)
      .key("null")
      .null();
  w.begin_array("list").value(1).value("x").begin_object().end().begin_array().end().end();
  w.key("raw").raw("{\"k\":[]}");
  w.begin_object("open").begin_array("too").value(false);
  w.finish();
  w.end();  // one too many is no harm
  EXPECT_EQ(out,
            "{\"s\":\"a\\\"\\\\\\n\\u0001\\u007f\xc3\xa9\xef\xbf\xbd/\",\"i\":-9223372036854775808,"
            "\"u\":18446744073709551615,\"n\":7,\"d\":0.5,\"whole\":1000.0,\"big\":123456789012345683968.0,"
            "\"inf\":null,\"b\":true,\"null\":null,\"list\":[1,\"x\",{},[]],\"raw\":{\"k\":[]},"
            "\"open\":{\"too\":[false]}}");
}

RC_GTEST_PROP(JsonWriter, AnyStringCanBeReadBack, (const std::string& bytes)) {
  std::string out;
  append_quoted(out, bytes);
  const auto value = must_parse(out);
  RC_ASSERT(is_valid_utf8(value.get<std::string>()));
  if (is_valid_utf8(bytes)) RC_ASSERT(value.get<std::string>() == bytes);
}

RC_GTEST_PROP(JsonWriter, AnyNumberCanBeReadBack, (int64_t integer, uint64_t bits)) {
  std::string out;
  Writer w(out);
  double number = 0;
  static_assert(sizeof(number) == sizeof(bits));
  std::memcpy(&number, &bits, sizeof(bits));
  w.begin_array().value(integer).value(number).end();
  const auto value = must_parse(out);
  RC_ASSERT(value.get(0).get<int64_t>() == integer);
  if (std::isfinite(number)) {
    RC_ASSERT(!value.get(1).is<int64_t>());
    RC_ASSERT(value.get(1).get<double>() == number);
  } else {
    RC_ASSERT(value.get(1).is<picojson::null>());
  }
}

RC_GTEST_PROP(Json, AnyBytesAreSurvived, (const std::string& bytes)) {
  (void)parse(bytes);
  (void)parse("{\"a\":[" + bytes);
  (void)parse("\"" + bytes + "\"");
}

std::string complaints(const Fields& in) {
  std::string out;
  for (const FieldError& e : in.errors()) out += e.field + ": " + e.reason + "; ";
  return out;
}

TEST(JsonFields, ReadsWhatIsThere) {
  const auto body = must_parse(
      "{\"id\":\"n1\",\"ttl\":5,\"on\":true,\"ratio\":2,\"tags\":[\"a\",\"b\"],\"null\":null,"
      "\"limits\":{\"rate\":3},\"peers\":[{\"id\":\"a\"},{\"id\":\"b\"}]}");
  Fields in(body);
  EXPECT_EQ(in.required_string("id", {.bytes_min = 1, .bytes_max = 64}), "n1");
  EXPECT_EQ(in.required_int("ttl", 1, 10), 5);
  EXPECT_EQ(in.optional_int("absent"), std::nullopt);
  EXPECT_EQ(in.optional_string("null"), std::nullopt);
  EXPECT_TRUE(in.required_bool("on"));
  EXPECT_EQ(in.optional_bool("off"), std::nullopt);
  EXPECT_EQ(in.required_number("ratio"), 2.0);
  EXPECT_EQ(in.required_number("ratio"), 2.0);  // reading does not wear the value out
  EXPECT_EQ(in.required_strings("tags", 2), (std::vector<std::string>{"a", "b"}));
  int64_t rate = 0;
  EXPECT_TRUE(in.required_object("limits", [&](Fields& limits) { rate = limits.required_int("rate"); }));
  EXPECT_EQ(rate, 3);
  std::string ids;
  EXPECT_TRUE(in.required_objects("peers", 7, [&](Fields& peer) { ids += peer.required_string("id"); }));
  EXPECT_EQ(ids, "ab");
  EXPECT_FALSE(in.optional_object("other", [](Fields&) { FAIL(); }));
  EXPECT_TRUE(in.has("null"));
  EXPECT_TRUE(in.finish()) << complaints(in);
}

TEST(JsonFields, CollectsEveryComplaint) {
  const auto body = must_parse(
      "{\"id\":5,\"ttl\":11,\"name\":\"toolong\",\"empty\":\"\",\"on\":1,\"ratio\":\"x\",\"tags\":[\"a\",3],"
      "\"many\":[1,2,3],\"limits\":{\"rate\":1.5,\"burts\":1},\"peers\":[{},4],\"tpyo\":1}");
  Fields in(body);
  (void)in.required_string("id");
  (void)in.required_int("ttl", 1, 10);
  (void)in.optional_string("name", {.bytes_max = 3});
  (void)in.required_string("empty", {.bytes_min = 1});
  (void)in.required_bool("on");
  (void)in.required_number("ratio");
  (void)in.required_strings("tags", 9);
  EXPECT_EQ(in.required_array("many", 2), nullptr);
  (void)in.required_object("limits", [](Fields& limits) { (void)limits.required_int("rate"); });
  (void)in.required_objects("peers", 9, [](Fields& peer) { (void)peer.required_string("id"); });
  (void)in.required_string("missing");
  in.error("id", "is taken");
  EXPECT_FALSE(in.finish());
  EXPECT_FALSE(in.finish());
  EXPECT_EQ(complaints(in),
            "id: must be a string; ttl: must be from 1 to 10; name: must have at most 3 bytes; "
            "empty: must not be empty; on: must be true or false; ratio: must be a number; "
            "tags[1]: must be a string; many: must have at most 2 elements; limits.rate: must be an integer; "
            "limits.burts: is not a known field; peers[0].id: is required; peers[1]: must be an object; "
            "missing: is required; id: is taken; tpyo: is not a known field; ");
  EXPECT_FALSE(in.only_invalid());
}

TEST(JsonFields, TellsBadValuesFromBadBodies) {
  const auto body = must_parse("{\"ttl\":11}");
  Fields in(body);
  (void)in.required_int("ttl", 1, 10);
  EXPECT_FALSE(in.finish());
  EXPECT_TRUE(in.only_invalid());

  const auto list = must_parse("[]");
  Fields none(list);
  EXPECT_EQ(none.required_string("id"), "");
  EXPECT_FALSE(none.finish());
  EXPECT_EQ(complaints(none), ": must be an object; ");
}

TEST(Base64, Vectors) {
  const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"},
                                                                    {"\xff\xfe\xfd", "//79"}};
  for (const auto& [bytes, encoded] : vectors) {
    EXPECT_EQ(base64_encode(bytes), encoded);
    EXPECT_EQ(base64_decode(encoded), bytes);
  }
  for (const char* text :
       {"Zg", "Zg=", "Z", "Zh==", "Zm9=", "=Zg=", "Zg=a", "Zm9v\n", "Zm 9", "Zm9-", "====", "Zg==Zg=="}) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  }
}

RC_GTEST_PROP(Base64, RoundTrip, (const std::string& bytes)) {
  RC_ASSERT(base64_decode(base64_encode(bytes)) == bytes);
  const auto decoded = base64_decode(bytes);
  if (decoded) RC_ASSERT(base64_encode(*decoded) == bytes);
}

// RFC 4648 section 10 without its padding, and the two characters that differ.
TEST(Base64Url, Vectors) {
  const std::pair<std::string, std::string> vectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},       {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"\xfb\xff", "-_8"}, {"\xff\xef", "_-8"},
  };
  for (const auto& [bytes, encoded] : vectors) {
    EXPECT_EQ(base64url_encode(bytes), encoded);
    EXPECT_EQ(base64url_decode(encoded), bytes);
  }
}

TEST(Base64Url, RefusesWhatIsNotCanonical) {
  for (const char* text :
       {"Zg==", "Zg=", "Z", "Zm9vY", "Zh", "Zm9", "+_8", "/-8", "Zm 9v", "Zm9v\n", "Zm.v", "="}) {
    EXPECT_EQ(base64url_decode(text), std::nullopt) << text;
  }
}

RC_GTEST_PROP(Base64Url, RoundTrip, (const std::string& bytes)) {
  RC_ASSERT(base64url_decode(base64url_encode(bytes)) == bytes);
  const auto decoded = base64url_decode(bytes);
  if (decoded) RC_ASSERT(base64url_encode(*decoded) == bytes);
}

}  // namespace
}  // namespace patronus::json::json_test
