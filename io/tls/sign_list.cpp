#include "io/tls/sign_list.h"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace patronus::tls {
namespace {

constexpr long kVersion2 = 1;  // as it is encoded

using Time = std::unique_ptr<ASN1_TIME, FreeWith<ASN1_TIME_free>>;
using Revoked = std::unique_ptr<X509_REVOKED, FreeWith<X509_REVOKED_free>>;

Time time_of(int64_t unix_seconds) { return Time(ASN1_TIME_set(nullptr, static_cast<time_t>(unix_seconds))); }

Asn1Number number_of(const std::string& hex) {
  BIGNUM* parsed = nullptr;
  const int digits = BN_hex2bn(&parsed, hex.c_str());
  const BigNumber value(parsed);
  if (!value || digits != static_cast<int>(hex.size())) return nullptr;
  return Asn1Number(BN_to_ASN1_INTEGER(value.get(), nullptr));
}

bool add_entry(X509_CRL* list, const RevokedCertificate& entry) {
  const Asn1Number serial = number_of(entry.serial);
  const Time at = time_of(entry.at);
  Revoked revoked(X509_REVOKED_new());
  const bool filled = serial && at && revoked &&
                      X509_REVOKED_set_serialNumber(revoked.get(), serial.get()) == 1 &&
                      X509_REVOKED_set_revocationDate(revoked.get(), at.get()) == 1;
  if (!filled || X509_CRL_add0_revoked(list, revoked.get()) != 1) return false;
  (void)revoked.release();  // which the list owns now
  return true;
}

bool add_extensions(X509_CRL* list, X509* issuer, int64_t number) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, nullptr, nullptr, list, 0);
  X509_EXTENSION* key_id =
      X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always");
  const bool added = key_id != nullptr && X509_CRL_add_ext(list, key_id, -1) == 1;
  X509_EXTENSION_free(key_id);
  const Asn1Number value(ASN1_INTEGER_new());
  return added && value && ASN1_INTEGER_set_int64(value.get(), number) == 1 &&
         X509_CRL_add1_ext_i2d(list, NID_crl_number, value.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

bool set_basics(X509_CRL* list, const X509* issuer, const ListRequest& request) {
  const Time this_update = time_of(request.this_update);
  const Time next_update = time_of(request.next_update);
  return this_update && next_update && X509_CRL_set_version(list, kVersion2) == 1 &&
         X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer)) == 1 &&
         X509_CRL_set1_lastUpdate(list, this_update.get()) == 1 &&
         X509_CRL_set1_nextUpdate(list, next_update.get()) == 1;
}

}  // namespace

std::variant<Crl, std::string> sign_list(const Authority& authority, const ListRequest& request) {
  ERR_clear_error();
  Crl list(X509_CRL_new());
  X509* issuer = authority.certificate.get();
  bool done = list && set_basics(list.get(), issuer, request);
  for (const RevokedCertificate& entry : request.revoked) done = done && add_entry(list.get(), entry);
  done = done && X509_CRL_sort(list.get()) == 1 && add_extensions(list.get(), issuer, request.number) &&
         X509_CRL_sign(list.get(), authority.key.get(), EVP_sha256()) > 0;
  if (!done) return take_openssl_error();
  return list;
}

std::string to_pem(const X509_CRL* list) {
  const BioHandle out(BIO_new(BIO_s_mem()));
  if (!out || PEM_write_bio_X509_CRL(out.get(), list) != 1) return "";
  return std::string(bio_contents(out.get()));
}

}  // namespace patronus::tls
