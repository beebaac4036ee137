export {
  type Admission, ADMISSION_BYTES, NO_END_MS, NO_LIMIT, type SignedAdmission, isRevocation, readAdmission,
  signAdmission,
} from "./admission.js";
export {
  ADMISSION_TOPIC, AdmissionList, type AdmissionListOptions, type IgnoredAdmissions,
} from "./admission-list.js";
