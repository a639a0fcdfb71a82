#include "io/tls/certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <ctime>

#include "io/tls/asn1.h"

namespace patronus::tls {
namespace {

std::string address_text(const ASN1_OCTET_STRING* bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(bytes) != 16) return "(malformed address)";
  if (inet_ntop(family, ASN1_STRING_get0_data(bytes), text.data(), text.size()) == nullptr) return "";
  return text.data();
}

GeneralNames alternative_names(const X509* certificate) {
  return GeneralNames(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
}

std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> names;
  const GeneralNames all = alternative_names(certificate);
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &type);
    if (type == GEN_DNS) names.push_back(printable(text_of(static_cast<const ASN1_STRING*>(value))));
    if (type == GEN_IPADD) names.push_back(address_text(static_cast<const ASN1_OCTET_STRING*>(value)));
  }
  return names;
}

// Where it says that the list of revoked certificates is (RFC 5280 section 4.2.1.13).
std::string crl_url_of(const X509* certificate) {
  const DistributionPoints points(static_cast<CRL_DIST_POINTS*>(
      X509_get_ext_d2i(certificate, NID_crl_distribution_points, nullptr, nullptr)));
  for (int i = 0; i < sk_DIST_POINT_num(points.get()); ++i) {
    const DIST_POINT_NAME* name = sk_DIST_POINT_value(points.get(), i)->distpoint;
    if (name == nullptr || name->type != 0) continue;
    for (int j = 0; j < sk_GENERAL_NAME_num(name->name.fullname); ++j) {
      int type = 0;
      const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(name->name.fullname, j), &type);
      if (type == GEN_URI) return printable(text_of(static_cast<const ASN1_STRING*>(value)));
    }
  }
  return "";
}

std::string key_of(const X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return "unknown";
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) return "RSA " + std::to_string(EVP_PKEY_get_bits(key));
  std::array<char, 64> group{};
  size_t length = 0;
  if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) != 1) return "unknown";
  const std::string_view name(group.data(), length);
  return "EC " + std::string(name == "prime256v1" ? "P-256" : name);
}

// Never asks: without this OpenSSL would wait for a passphrase on the terminal.
int refuse_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

}  // namespace

std::optional<NodeId> node_of(const X509* certificate) {
  const GeneralNames all = alternative_names(certificate);
  std::optional<NodeId> node;
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &type);
    if (type != GEN_URI) continue;
    const std::string uri = text_of(static_cast<const ASN1_STRING*>(value));
    if (!uri.starts_with(kNodeUriPrefix)) continue;
    if (node) return std::nullopt;
    node = uri.substr(kNodeUriPrefix.size());
  }
  if (node && !is_node_id(*node)) return std::nullopt;
  return node;
}

CertificateInfo describe(const X509* certificate) {
  CertificateInfo info;
  info.subject = text_of(X509_get_subject_name(certificate));
  info.issuer = text_of(X509_get_issuer_name(certificate));
  info.serial = hex_of(X509_get0_serialNumber(certificate));
  info.key = key_of(certificate);
  info.node = node_of(certificate).value_or("");
  info.names = names_of(certificate);
  info.crl_url = crl_url_of(certificate);
  info.not_before = not_before(certificate);
  info.not_after = not_after(certificate);
  // The call fills a cache inside the certificate, which changes nothing of what it says.
  info.is_authority = X509_check_ca(const_cast<X509*>(certificate)) == 1;
  return info;
}

int64_t not_after(const X509* certificate) { return seconds_of(X509_get0_notAfter(certificate)); }
int64_t not_before(const X509* certificate) { return seconds_of(X509_get0_notBefore(certificate)); }

std::variant<std::vector<Certificate>, std::string> parse_certificates(std::string_view pem) {
  ERR_clear_error();
  const BioHandle in = reading_bio(pem);
  std::vector<Certificate> certificates;
  while (in) {
    Certificate one(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    if (!one) break;
    certificates.push_back(std::move(one));
  }
  const unsigned long last = ERR_peek_last_error();
  const bool at_the_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  if (!at_the_end) return "holds a certificate that can't be read: " + take_openssl_error();
  ERR_clear_error();
  if (certificates.empty()) return std::string("holds no certificate in PEM form");
  return certificates;
}

std::variant<PrivateKey, std::string> parse_private_key(std::string_view pem) {
  // OpenSSL would call everything that is not one unsupported.
  if (pem.find("PRIVATE KEY-----") == std::string_view::npos) {
    return std::string("holds no private key in PEM form");
  }
  ERR_clear_error();
  const BioHandle in = reading_bio(pem);
  bool asked = false;
  PrivateKey key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, refuse_passphrase, &asked) : nullptr);
  if (!key) {
    const std::string reason = take_openssl_error();
    if (asked) return std::string("holds a key behind a passphrase; give one without");
    return "holds a private key that can't be read: " + reason;
  }
  const int kind = EVP_PKEY_get_base_id(key.get());
  if (kind != EVP_PKEY_EC && kind != EVP_PKEY_RSA) {
    return std::string("holds a key that is neither EC nor RSA");
  }
  return key;
}

std::string format_time(int64_t unix_seconds) {
  const auto when = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  std::array<char, 40> text{};
  if (gmtime_r(&when, &parts) == nullptr) return "(no time)";
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::optional<int64_t> parse_time(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const int64_t seconds = timegm(&parts);
  // What strptime takes more loosely, such as the 30th of February, does not read back.
  return format_time(seconds) == text ? std::optional<int64_t>(seconds) : std::nullopt;
}

}  // namespace patronus::tls
