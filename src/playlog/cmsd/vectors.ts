/** Headers for tests and for seeds of the fuzzer. */

export const STATIC =
  'at=1790000000000,br=4200,d=4004,ht=312,n="origin-1",nor="seg-8.m4s",nrr="0-999",ot=v,sf=h,st=l,su'
export const DYNAMIC = '"origin-1";etp=96000;mb=6000;rd=12;rtt=8, "edge \\"b\\"";du;rtt=31'
