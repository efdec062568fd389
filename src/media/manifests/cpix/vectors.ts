/** CPIX documents written by hand from the specification: its prefixes vary, as they do between those who write them. */

export const VIDEO_KID = '98ee5596-cd3e-a20d-163a-e382420c6eff'
export const AUDIO_KID = '53abdba2-f210-43cb-bc90-f18f9a890a02'
/** 16 bytes: 0x00 to 0x0f, and 0x10 to 0x1f. */
export const VIDEO_KEY = 'AAECAwQFBgcICQoLDA0ODw=='
export const AUDIO_KEY = 'EBESExQVFhcYGRobHB0eHw=='

/** What a key server is asked: no values, empty elements for what is wanted (SPEKE 2.0, standard payload components). */
export const REQUEST = `<?xml version="1.0" encoding="UTF-8"?>
<cpix:CPIX contentId="abc123" version="2.3" xmlns:cpix="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc">
  <cpix:ContentKeyList>
    <cpix:ContentKey kid="${VIDEO_KID}" commonEncryptionScheme="cbcs"></cpix:ContentKey>
    <cpix:ContentKey kid="${AUDIO_KID}" commonEncryptionScheme="cbcs"></cpix:ContentKey>
  </cpix:ContentKeyList>
  <cpix:DRMSystemList>
    <cpix:DRMSystem kid="${VIDEO_KID}" systemId="edef8ba9-79d6-4ace-a3c8-27dcd51d21ed">
      <cpix:PSSH></cpix:PSSH>
      <cpix:ContentProtectionData></cpix:ContentProtectionData>
      <cpix:HLSSignalingData playlist="media"></cpix:HLSSignalingData>
      <cpix:HLSSignalingData playlist="master"></cpix:HLSSignalingData>
    </cpix:DRMSystem>
  </cpix:DRMSystemList>
  <cpix:ContentKeyPeriodList>
    <cpix:ContentKeyPeriod id="keyPeriod_0909829f" index="1"/>
  </cpix:ContentKeyPeriodList>
  <cpix:ContentKeyUsageRuleList>
    <cpix:ContentKeyUsageRule kid="${VIDEO_KID}" intendedTrackType="VIDEO">
      <cpix:KeyPeriodFilter periodId="keyPeriod_0909829f"/>
      <cpix:VideoFilter/>
    </cpix:ContentKeyUsageRule>
    <cpix:ContentKeyUsageRule kid="${AUDIO_KID}" intendedTrackType="STEREO_AUDIO">
      <cpix:KeyPeriodFilter periodId="keyPeriod_0909829f"/>
      <cpix:AudioFilter maxChannels="2"/>
    </cpix:ContentKeyUsageRule>
  </cpix:ContentKeyUsageRuleList>
</cpix:CPIX>`

/** Keys in the clear, without a prefix for CPIX itself; text and filters of every kind. */
export const CLEAR = `<CPIX xmlns="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc" id="d1" name="Film &amp; Ton" version="2.4">
  <!-- keys of one film -->
  <ContentKeyList>
    <ContentKey kid="${VIDEO_KID.toUpperCase()}" contentId="film" explicitIV="OFj2IjCsPJFfMAxmQxLGPw==" commonEncryptionScheme="cenc">
      <Data><pskc:Secret><pskc:PlainValue>${VIDEO_KEY}</pskc:PlainValue></pskc:Secret></Data>
    </ContentKey>
    <ContentKey kid="${AUDIO_KID}" contentId="film" commonEncryptionScheme="cenc" dependsOnKey="${VIDEO_KID}">
      <Data><pskc:Secret><pskc:PlainValue>
        ${AUDIO_KEY}
      </pskc:PlainValue></pskc:Secret></Data>
    </ContentKey>
  </ContentKeyList>
  <DRMSystemList>
    <DRMSystem kid="${VIDEO_KID}" systemId="9a04f079-9840-4286-ab92-e65be0885f95" name="PlayReady">
      <PSSH>AAAAIHBzc2gAAAAAmgTweZhAQoarkuZb4IhflQAAAAA=</PSSH>
      <ContentProtectionData>PGEvPg==</ContentProtectionData>
      <HLSSignalingData playlist="multiVariant">I0VYVC1YLVNFU1NJT04tS0VZ</HLSSignalingData>
    </DRMSystem>
  </DRMSystemList>
  <ContentKeyPeriodList>
    <ContentKeyPeriod id="p1" index="1" label="evening" start="2026-01-01T00:00:00Z" end="2026-01-01T01:00:00Z"/>
  </ContentKeyPeriodList>
  <ContentKeyUsageRuleList>
    <ContentKeyUsageRule kid="${VIDEO_KID}" intendedTrackType="HD+UHD">
      <VideoFilter minPixels="442369" maxPixels="2073600" minFps="0" maxFps="30" hdr="false" wcg="0"/>
      <VideoFilter minPixels="2073601"/>
      <BitrateFilter minBitrate="1000" maxBitrate="90000000"/>
    </ContentKeyUsageRule>
    <ContentKeyUsageRule kid="${AUDIO_KID}"><AudioFilter minChannels="1" maxChannels="2"/><LabelFilter label="main"/></ContentKeyUsageRule>
  </ContentKeyUsageRuleList>
</CPIX>`

/** Keys for the owner of a certificate; the codes and cipher values have the form only (CPIX 2.3, section 9.1). */
export const ENCRYPTED = `<CPIX xmlns="urn:dashif:org:cpix" xmlns:p="urn:ietf:params:xml:ns:keyprov:pskc" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:enc="http://www.w3.org/2001/04/xmlenc#" contentId="film" version="2.3">
  <DeliveryDataList>
    <DeliveryData id="r1">
      <DeliveryKey><ds:X509Data><ds:X509Certificate>bm90IGEgY2VydGlmaWNhdGU=</ds:X509Certificate></ds:X509Data></DeliveryKey>
      <DocumentKey Algorithm="http://www.w3.org/2001/04/xmlenc#aes256-cbc"><Data><p:Secret><p:EncryptedValue>
        <enc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/>
        <enc:CipherData><enc:CipherValue>ZG9jdW1lbnQga2V5</enc:CipherValue></enc:CipherData>
      </p:EncryptedValue></p:Secret></Data></DocumentKey>
      <MACMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#hmac-sha512"><Key>
        <enc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/>
        <enc:CipherData><enc:CipherValue>bWFjIGtleQ==</enc:CipherValue></enc:CipherData>
      </Key></MACMethod>
    </DeliveryData>
  </DeliveryDataList>
  <ContentKeyList>
    <ContentKey kid="${VIDEO_KID}" commonEncryptionScheme="cbcs"><Data><p:Secret>
      <p:EncryptedValue>
        <enc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes256-cbc"/>
        <enc:CipherData><enc:CipherValue>Y29udGVudCBrZXk=</enc:CipherValue></enc:CipherData>
      </p:EncryptedValue>
      <p:ValueMAC>bWFj</p:ValueMAC>
    </p:Secret></Data></ContentKey>
  </ContentKeyList>
</CPIX>`
