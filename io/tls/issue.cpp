#include "io/tls/issue.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <utility>

namespace patronus::tls {
namespace {

constexpr int kSerialBits = 128;  // random, so that serials need no register
constexpr size_t kCommonNameMax = 64;
constexpr size_t kDnsNameMax = 253;
constexpr size_t kDnsLabelMax = 63;
constexpr size_t kUrlMax = 1024;

PrivateKey make_key() { return PrivateKey(EVP_EC_gen("P-256")); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_dns_label(std::string_view label) {
  return !label.empty() && label.size() <= kDnsLabelMax && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
         });
}

// Four bytes, sixteen, or none if the text is no address.
std::string address_bytes(const std::string& text) {
  std::array<char, 16> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return {bytes.data(), 16};
  return "";
}

bool add_name(GENERAL_NAMES* names, int type, std::string_view value) {
  ASN1_STRING* text = ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
  GENERAL_NAME* name = GENERAL_NAME_new();
  const bool set = text != nullptr && name != nullptr &&
                   ASN1_STRING_set(text, value.data(), static_cast<int>(value.size())) == 1;
  if (!set) {
    ASN1_STRING_free(text);
    GENERAL_NAME_free(name);
    return false;
  }
  GENERAL_NAME_set0_value(name, type, text);
  if (sk_GENERAL_NAME_push(names, name) > 0) return true;
  GENERAL_NAME_free(name);
  return false;
}

bool add_alternative_names(X509* certificate, const Request& request) {
  const GeneralNames names(GENERAL_NAMES_new());
  if (!names) return false;
  std::vector<std::string> all = request.names;
  if (!request.node.empty()) {
    if (!add_name(names.get(), GEN_URI, std::string(kNodeUriPrefix) + request.node)) return false;
    const bool listed = std::find(all.begin(), all.end(), request.node) != all.end();
    if (!listed && is_dns_name(request.node)) all.insert(all.begin(), request.node);
  }
  for (const std::string& name : all) {
    const std::string address = address_bytes(name);
    const bool added =
        address.empty() ? add_name(names.get(), GEN_DNS, name) : add_name(names.get(), GEN_IPADD, address);
    if (!added) return false;
  }
  if (all.empty() && request.node.empty()) return true;
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

// RFC 5280 section 4.2.1.13: one point with one address.
bool add_crl_url(X509* certificate, const std::string& url) {
  if (url.empty()) return true;
  const DistributionPoints points(CRL_DIST_POINTS_new());
  DIST_POINT* point = DIST_POINT_new();
  if (!points || point == nullptr || sk_DIST_POINT_push(points.get(), point) <= 0) {
    DIST_POINT_free(point);
    return false;
  }
  point->distpoint = DIST_POINT_NAME_new();
  if (point->distpoint == nullptr) return false;
  point->distpoint->type = 0;  // a full name
  point->distpoint->name.fullname = GENERAL_NAMES_new();
  return point->distpoint->name.fullname != nullptr &&
         add_name(point->distpoint->name.fullname, GEN_URI, url) &&
         X509_add1_ext_i2d(certificate, NID_crl_distribution_points, points.get(), 0, X509V3_ADD_DEFAULT) ==
             1;
}

// The values are our own constants, never text from outside: OpenSSL reads them as a small language.
bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool set_serial(X509* certificate) {
  const BigNumber number(BN_new());
  // The top bit is set, so the serial is never zero and always as long.
  return number && BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_subject(X509* certificate, const std::string& common_name) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const auto add = [subject](const char* field, const std::string& value) {
    return X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(value.data()),
                                      static_cast<int>(value.size()), -1, 0) == 1;
  };
  // A name that is too long for this field is an alternative name all the same, where clients look.
  if (common_name.empty() || common_name.size() > kCommonNameMax) return add("O", "Patronus");
  return add("O", "Patronus") && add("CN", common_name);
}

bool set_time(ASN1_TIME* field, int64_t unix_seconds) {
  return ASN1_TIME_set(field, static_cast<time_t>(unix_seconds)) != nullptr;
}

bool set_basics(X509* certificate, const std::string& common_name, const Validity& validity, EVP_PKEY* key) {
  return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
         set_subject(certificate, common_name) &&
         set_time(X509_getm_notBefore(certificate), validity.not_before) &&
         set_time(X509_getm_notAfter(certificate), validity.not_after) &&
         X509_set_pubkey(certificate, key) == 1;
}

std::variant<KeyAndCertificate, std::string> to_pem(EVP_PKEY* key, X509* certificate) {
  const BioHandle key_out(BIO_new(BIO_s_secmem()));
  const BioHandle certificate_out(BIO_new(BIO_s_mem()));
  if (!key_out || !certificate_out ||
      PEM_write_bio_PKCS8PrivateKey(key_out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509(certificate_out.get(), certificate) != 1) {
    return take_openssl_error();
  }
  return KeyAndCertificate{std::string(bio_contents(key_out.get())),
                           std::string(bio_contents(certificate_out.get()))};
}

bool add_leaf_extensions(X509* certificate, X509* issuer, const Request& request) {
  const char* usage = request.node.empty() ? "serverAuth" : "serverAuth,clientAuth";
  return add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
         add_extension(certificate, issuer, NID_ext_key_usage, usage) &&
         add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
         add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always") &&
         add_alternative_names(certificate, request) && add_crl_url(certificate, request.crl_url);
}

}  // namespace

bool is_dns_name(std::string_view text) {
  if (text.empty() || text.size() > kDnsNameMax) return false;
  if (text.starts_with("*.")) text.remove_prefix(2);
  while (true) {
    const size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    if (!is_dns_label(label)) return false;
    if (dot == std::string_view::npos) return !std::all_of(label.begin(), label.end(), is_digit);
    text.remove_prefix(dot + 1);
  }
}

bool is_ip_address(const std::string& text) { return !address_bytes(text).empty(); }

bool is_crl_url(std::string_view text) {
  const size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : text.size();
  if (text.size() <= scheme || text.size() > kUrlMax || text[scheme] == '/') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7f && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
  });
}

std::variant<KeyAndCertificate, std::string> make_authority(const std::string& common_name,
                                                            const Validity& validity) {
  ERR_clear_error();
  const PrivateKey key = make_key();
  const Certificate made(X509_new());
  X509* certificate = made.get();
  const bool done =
      key && made && set_basics(certificate, common_name, validity, key.get()) &&
      X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
      add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
      add_extension(certificate, certificate, NID_authority_key_identifier, "keyid:always") &&
      X509_sign(certificate, key.get(), EVP_sha256()) > 0;
  if (!done) return take_openssl_error();
  return to_pem(key.get(), certificate);
}

std::variant<Authority, std::string> parse_authority(std::string_view key_pem,
                                                     std::string_view certificate_pem) {
  auto certificates = parse_certificates(certificate_pem);
  if (auto* error = std::get_if<std::string>(&certificates)) return "the certificate " + *error;
  auto key = parse_private_key(key_pem);
  if (auto* error = std::get_if<std::string>(&key)) return "the key's file " + *error;
  Authority authority{std::move(std::get<PrivateKey>(key)),
                      std::move(std::get<std::vector<Certificate>>(certificates).front())};
  ERR_clear_error();
  const bool match = X509_check_private_key(authority.certificate.get(), authority.key.get()) == 1;
  ERR_clear_error();
  if (!match) return std::string("the key is not that of the certificate");
  if (X509_check_ca(authority.certificate.get()) != 1) {
    return std::string("the certificate is no authority's");
  }
  return authority;
}

std::variant<KeyAndCertificate, std::string> issue(const Authority& authority, const Request& request) {
  ERR_clear_error();
  const PrivateKey key = make_key();
  const Certificate made(X509_new());
  X509* certificate = made.get();
  X509* issuer = authority.certificate.get();
  const bool done = key && made &&
                    set_basics(certificate, request.common_name, request.validity, key.get()) &&
                    X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
                    add_leaf_extensions(certificate, issuer, request) &&
                    X509_sign(certificate, authority.key.get(), EVP_sha256()) > 0;
  if (!done) return take_openssl_error();
  return to_pem(key.get(), certificate);
}

}  // namespace patronus::tls
