PRAGMA page_size=4096;

PRAGMA writable_schema=ON;

BEGIN TRANSACTION;

DROP TABLE IF EXISTS archive_remote;
CREATE TABLE archive_remote (      -- to which everything goes
  name text not null
) strict;

DROP TABLE IF EXISTS archive_work;
CREATE TABLE archive_work (        -- sessions with events that no piece covers
  session integer primary key,
  since_us integer not null        -- when the first of them was stored
) strict;

DROP TABLE IF EXISTS archived;
CREATE TABLE archived (            -- what each piece covers
  event blob not null,             -- its id: it may be read later than the receipt
  piece integer not null,
  primary key (event, piece)
) strict, without rowid;
CREATE INDEX archived_by_piece on archived (piece);

DROP TABLE IF EXISTS arrivals;
CREATE TABLE arrivals (            -- when something of a session came into this home
  agent text not null,
  session text not null,
  first_us integer not null,
  at_us integer not null,          -- the last time
  primary key (agent, session)
) strict, without rowid;
INSERT INTO arrivals VALUES('claude-code','0484260b-4fd9-450a-a78c-8b1fce7519d9',1795050000000000,1795050000000000);
INSERT INTO arrivals VALUES('claude-code','4b3b179a-742a-4c52-b79c-ef6e9bb620f8',1795050000000000,1795050000000000);
INSERT INTO arrivals VALUES('claude-code','8dcd79e4-2940-45ab-a053-214c14163a29',1795050000000000,1795050000000000);
CREATE INDEX arrivals_by_time on arrivals (at_us);

DROP TABLE IF EXISTS binds;
CREATE TABLE binds (               -- what MemoryId records say, and what became of each
  record blob primary key,         -- own_facts.id
  at_us integer not null,
  agent text not null,
  session text not null,
  memory_id text not null,
  refused text                     -- why; null: it stands, or says again what stands
, replaces text) strict, without rowid;
CREATE INDEX binds_by_memory_id on binds (memory_id);
CREATE INDEX binds_by_session on binds (agent, session);
CREATE INDEX refused_binds on binds (at_us, record) where refused is not null;

DROP TABLE IF EXISTS blocks;
CREATE TABLE blocks (              -- payloads of events that arrived together, see blocks.py
  key integer primary key,         -- of its first part the row of the first of these events
  events integer not null,         -- how many they are, in consecutive rows; of other parts 0
  data blob not null
) strict;
INSERT INTO blocks VALUES(1,13,X'0228B52FFD60FC17E51500A69A4C20406BEB385898F0B0FF60DCA52467125B7C6420A1C26D892C3FBA594D5651744D4100400045000BC5C2581C81042689337C71D0E9D78919FC985CCB6FCCD30FDEEC1737DDB1D4B63D18D4A1A877D1EEA2C40D6933DA66D4BC505B8B7A2DDAB568E9A26645CC6A21FCBEB91A593AF54FA9265DEFF4AD3C46988E9BA75BB5D9E95F36EB862CFE71F064C1240C6083330C444828D87982CC0EF5BE931DAE53D7DA6C6ECFF454D9721D8882009C66BFEB29C315FD7D69C3301207DCB1EDF357ACDCBFA48E84A5D1A8C46C9FF5ABB2F79A2EC80880AF2C88C6114B43E10C24AE2462E2A0B35653EF36B7E24AD6E6190741853F8249127F449210B8E7E7BDED97C564EA752AD7CDF40BE6D17EB8B7CDF0701A641B4415A4415483A4A5D128F470A0B21C6692C4FF1B2F50CBFC70AC62BB010802258084A8819E1919919491D6CD016042119119AA290F12D0D1488C6320020A84488C3188088C11120111106290801864648EC21DD993CCE71B0130157F5AB16396C8E6041EF99B0E7AF9C42C74F10B0EBEFABFC69CF32137229C9E1BB361FFB455FC15D0C928D4CB82C7F1BA3D78A9795809973628589C71BB45213AD1280D6E467D2318FE887FB70B5254D0EBADA0BE8827F9624ACB6C3FF9224E9EBCC068C55468D8ABA45354A5B34EB572552980F9EA913D7B761C805B1ADCB8C16B98D251D5C8F5ACC5E0291EAEEDDFD4E08114A8304BEC7D2F4E060F3A7615EE50750D6B3088AA6DCFC02B08EBBCF10B9B948888959940FB1AE48622A224A63DEB3E8E5E8D8DD641F416DBE47E21947198C12FEBA7C60E73B082570E6A1436ADE6269CE28D17FBEBE1D6521F5A8533F46253AC176900FFAD913A1F966A81225CBBF8AEF0928A44B8B818585ADFE93D5FCDD2962FC13C752DA7');
INSERT INTO blocks VALUES(2,0,X'1CA53F55B7CBA6318F0325A6B550F349012B3CFD8285F3644391620DB4453BFE631C2C184D802DB3A849CD5B07ED5FABAAFA2A');
INSERT INTO blocks VALUES(14,18,X'0228B52FFD60F724151C00B621642D802969033330033344CD015CFB3D216D36420CA718DA5CB9E81A36604A0D3ED531A5A4CD95DDC8E6F352627425520053006100CFDD76B5F732458A784012882340A98ADFFA685A1DA37FD35FE92EEE6A92172E760BDDA9C822377462C81B23D58C9A375ACA91530DADD610EB46CE8CFA356AECD0530D3537F45623C58CBC19F56288B9D52047B94E4EBE17D9F3B6F6715BA2BC53A9B5CEE194FCA6822CC9C79CFDB9F5D4BE8C29DED76B2D8C8FA39A7D16D04024B5C03F8049F2091CA59C3CBE3365F9A8FC04A22CB03E3448D733D6E07CB8CCBDB8DDCE1B4CB96ED9BE290FB000390C8509158CA278E540A4492CC8C21C35A9E68D4A0118059A85612C34495ECA2531D3BC510F1CC507297891554CFFDC72489F6B907012C380522A90402F2849A252338F0549400301410C6318358241700618F0A8B41E14128E5215EF405910C741671E06948A49397EE7F8CBDEF9C256BCD1C9B86C4AB7E6FC8EB19BA9F6165BFBA48CABE4E47D93B26DC9D982122E4CC4628EFF6812E8E0C0802D5FEC3E1D2A66692DC9C096C2A04E63E99903809DA8B11605335246494A52CC1820824208318AD5900712D0C1189063108421299061100A31C41022CC108304C610830C73720FC9030B084BD4B2244662D540714A29C2EED5E909CF11FDA01F92D64852447D248872A5A0B9C167B71D79D719D6954C65101100C215CFDD88A87D1B9B6390FF89C1961729A39D15E97C8C7D3CD1E480300A4E99FAF21D39D869883F0F948A046718EB5839266848CC86E42334A43B0BC4685FC49B11CE9D0ECBA43D2951D446CC56A1044DC37EC324AA3DC23E366C63D4803685DD64F19CFAC658B15AE00ADC3A43EA6C8DF808FC33E0C44774B385C5025D2A02216491626AE1AD50DCE670462615EE');
INSERT INTO blocks VALUES(15,0,X'C4F24C21C1928457E25911341BC58224621710E3B6945AB95B128E90512CBC087E1A3A2355B8212E782BA0CDAA0A40A0E5FADF0A9B03626ED0C4CFBE198ADF52D4E07898D5959257AA708AA5FE094ED553225EAAC791472D289590DCE3BE6C68C9B86CC80F113D01787DA27727D3BF747854477BF40FD22EE56BBD784159BE04959C3799DC4D64A86B0833933DF1765E25AF2157260D182115EA731D8B2646422E00F8DB1F31681476ECA582A12B4C8786804247144127EC6A27A45BD2C47A48DA6198F70360EA6295BEB936D20C29C99F86DA725028AE8A558C3394F3830EA9C7C27CDE27A6066D84AC5A0632DB1049E2A64F2AF915C45701');
INSERT INTO blocks VALUES(32,8,X'0228B52FFD608D0E2D1300C69A573280276D03E51266E017B390C52521A4F0F8B14D42414DAC031B7EC995F27EF39029200B484422BBBB37857D870C47B3093A0845004C004C002CBEE94C7643F6E463D874A65EE70D623C11741078FBD4064F89F3271B6C1536C75E6C678C47C81A268EC14FA6AD1651E87E2B2670750257F75C0E99CBCDB8647CEB459710B917011655408129FDCB40E9BD0C942A25BFD4C0A867D038EC255F78A268CAECF1E3A886C3C384D22C7818AF186D3F62B497F05E53AAD4FCAA29559C092BD4957013411F45D81AD2EE958C07099BB32163E6ADAC91695FBA3D1ADC817273E0173CE747A0F0203B8ED72AB981E9966559164C21222420222498D63D75F7441567C2D21D8CF221B2216C7736656D82015135D5E0B300004A11C75A7CF40A307DDC380E1E2B9728E3925AD12379E49082D088A01A0E0F130AFF67E5386E6E73ACC3259E786490D8AA645E2DC21AB49021EF209B1DDD77F3D7E04DE6941222EC1F064BA8910A054391482832CC39062042420821C46AA63C12D0415912246008188C813002838C1009330264044860986082210AF66A8AD4CEE5B82FF4F218E5FF2ABCA46A4B322EDDAF5E1E5CE718DD7E9FE660CE1FDC61E9E06A62CE9F19810B5B3DB72AFE30B40C1BFA1735212AF5D8FF9A107FAA49FBEF57B1AF800061E91437B69152BA2750C48934758C63D5A5B8AE316875462D5A030020D9E6BE6E61EE4CC005DA49885D9B46578A03325E6C84A7A31FBDD69F4E11591EA511F947604D34450E853F440E8D221807942C09B13209077DE6ADC5598A2AB755464EE5C63C156D6BA5F19D50CF1100BB49AF00D4F21A79E80D8D579865841BE6B934642AABB9D4D1A701');

DROP TABLE IF EXISTS bodies;
CREATE TABLE bodies (              -- large values, once each, by their content
  digest blob primary key,
  data blob not null
) strict, without rowid;

DROP TABLE IF EXISTS body_uses;
CREATE TABLE body_uses (
  digest blob not null,
  seq integer not null,
  primary key (digest, seq)
) strict, without rowid;

DROP TABLE IF EXISTS cursors;
CREATE TABLE cursors (             -- how far each journal file has been read
  path text primary key,           -- below days/
  inode integer not null,
  modified_ns integer not null,
  offset integer not null,         -- behind the last whole line that is stored
  tail blob not null               -- length and hash of the last line before the offset
) strict, without rowid;
INSERT INTO cursors VALUES('2026-11-18/claude-code.0484260b-4fd9-450a-a78c-8b1fce7519d9.jsonl',3450386,1795973727394726160,9596,X'000000000000022781805A67BCF0D9AA18DC9F4EF857EFB7');
INSERT INTO cursors VALUES('2026-11-18/claude-code.4b3b179a-742a-4c52-b79c-ef6e9bb620f8.jsonl',3450370,1795973727393027730,14064,X'000000000000022649793C1271F001B56B145EE5042E0072');
INSERT INTO cursors VALUES('2026-11-18/claude-code.8dcd79e4-2940-45ab-a053-214c14163a29.jsonl',3450402,1795973727396053787,5950,X'00000000000002259F594D19E33DB0DA09B57F6FB1B2887E');

DROP TABLE IF EXISTS events;
CREATE TABLE events (
  seq integer primary key,
  id blob not null unique,         -- UUIDv7, 16 bytes, minted at capture
  session integer not null references sessions,
  at_us integer not null,          -- microseconds since 1970, UTC
  name text not null,              -- the agent's own name for the event
  origin integer not null references origins,
  raw integer not null,            -- 1: the body is the text of something that was no object
  body blob                        -- see bodies.py; null for an empty payload
) strict;
INSERT INTO events VALUES(1,X'01A1EE565E00700089088C3EF9F28A77',1,1795000000000000,'SessionStart',1,0,X'033238');
INSERT INTO events VALUES(2,X'01A1EE565EA67E669C87A27B9970E041',1,1795000000166900,'UserPromptSubmit',1,0,X'033430');
INSERT INTO events VALUES(3,X'01A1EE5660187B33B694D95F0C1EB987',1,1795000000536700,'MessageDisplay',1,0,X'033438');
INSERT INTO events VALUES(4,X'01A1EE5660837000AB0B5B65E96A184F',1,1795000000643000,'PreToolUse',1,0,X'033532');
INSERT INTO events VALUES(5,X'01A1EE5660BE70008470A03DD45A24AA',1,1795000000702000,'PreToolUse',1,0,X'033532');
INSERT INTO events VALUES(6,X'01A1EE5660C77E66BF65FE3D65D2364E',1,1795000000711900,'PreToolUse',1,0,X'033532');
INSERT INTO events VALUES(7,X'01A1EE5661027E66AE1CC2EC13CAFE91',1,1795000000770900,'PostToolUse',1,0,X'033733');
INSERT INTO events VALUES(8,X'01A1EE5661FF700095E409CF03CB5F4E',1,1795000001023000,'PostToolUse',1,0,X'033636');
INSERT INTO events VALUES(9,X'01A1EE56635D7B3393DDD3EC4AA3A467',1,1795000001373700,'PostToolUse',1,0,X'033636');
INSERT INTO events VALUES(10,X'01A1EE56638578009DBF0CBF18B2C2A1',1,1795000001413500,'PostToolBatch',1,0,X'033935');
INSERT INTO events VALUES(11,X'01A1EE5663E37333B33D49D2677AA074',1,1795000001507200,'MessageDisplay',1,0,X'033439');
INSERT INTO events VALUES(12,X'01A1EE56640D79999741FAFEF757D5F6',1,1795000001549600,'Stop',1,0,X'033530');
INSERT INTO events VALUES(13,X'01A1EE5664397CCCB8E3EB063892EB45',1,1795000001593800,'SessionEnd',1,0,X'033333');
INSERT INTO events VALUES(14,X'01A1EE565E007000AA8D9871A24F647A',2,1795000000000000,'SessionStart',2,0,X'033235');
INSERT INTO events VALUES(15,X'01A1EE5664387333A03B63D324D24647',2,1795000001592200,'UserPromptSubmit',2,0,X'033330');
INSERT INTO events VALUES(16,X'01A1EE5664F271998703025E8D0C6E0A',2,1795000001778100,'PreToolUse',2,0,X'033434');
INSERT INTO events VALUES(17,X'01A1EE56650B7CCCB3A3626D274EB3C7',2,1795000001803800,'MessageDisplay',2,0,X'033431');
INSERT INTO events VALUES(18,X'01A1EE56657F7333BF810817C0276E09',2,1795000001919200,'PostToolUse',2,0,X'033539');
INSERT INTO events VALUES(19,X'01A1EE5665B07333931B1211143462CF',2,1795000001968200,'PostToolBatch',2,0,X'033531');
INSERT INTO events VALUES(20,X'01A1EE5666277B33B6894EFF1160507C',2,1795000002087699,'PreToolUse',2,0,X'033438');
INSERT INTO events VALUES(21,X'01A1EE56669570009980EF4024A529CD',2,1795000002197000,'PostToolUse',2,0,X'033730');
INSERT INTO events VALUES(22,X'01A1EE5666E77666985480C226182F1C',2,1795000002279400,'PostToolBatch',2,0,X'033634');
INSERT INTO events VALUES(23,X'01A1EE56678F7B33AEF70944FC091651',2,1795000002447700,'PreToolUse',2,0,X'033432');
INSERT INTO events VALUES(24,X'01A1EE56685D7CCC9DDC7DE42BF8B3E3',2,1795000002653800,'PostToolUse',2,0,X'033632');
INSERT INTO events VALUES(25,X'01A1EE5668A07B3395377E97398A5EC4',2,1795000002720700,'PostToolBatch',2,0,X'033532');
INSERT INTO events VALUES(26,X'01A1EE56692B7E66AAFA0F90C2ABD91B',2,1795000002859900,'PreToolUse',2,0,X'033438');
INSERT INTO events VALUES(27,X'01A1EE56697678009A8D3414D0402D1B',2,1795000002934500,'PostToolUse',2,0,X'033835');
INSERT INTO events VALUES(28,X'01A1EE5669C97199AAE589BD24665644',2,1795000003017100,'PostToolBatch',2,0,X'033635');
INSERT INTO events VALUES(29,X'01A1EE566AA57666BA5EDA355EBEA789',2,1795000003237400,'Stop',2,0,X'033433');
INSERT INTO events VALUES(30,X'01A1EE566AB37666B1E22A9E1616F173',2,1795000003251400,'MessageDisplay',2,0,X'033433');
INSERT INTO events VALUES(31,X'01A1EE5671027E669BDB7612F065BD64',2,1795000004866900,'SessionEnd',2,0,X'033238');
INSERT INTO events VALUES(32,X'01A1EE565E0070008AA2A78A7211C3B5',3,1795000000000000,'SessionStart',3,0,X'033339');
INSERT INTO events VALUES(33,X'01A1EE565E63780099C1B8C3AF69AE54',3,1795000000099500,'UserPromptSubmit',3,0,X'033536');
INSERT INTO events VALUES(34,X'01A1EE565ED578008A4884BCB2F77B72',3,1795000000213500,'PreToolUse',3,0,X'033930');
INSERT INTO events VALUES(35,X'01A1EE565F1A7000B8DB1B7B403E97F9',3,1795000000282000,'PostToolUse',3,0,X'03313233');
INSERT INTO events VALUES(36,X'01A1EE565F3A7333A352CDF88848E272',3,1795000000314200,'PostToolBatch',3,0,X'03313130');
INSERT INTO events VALUES(37,X'01A1EE565F667199B54C60EE014410CC',3,1795000000358100,'MessageDisplay',3,0,X'033737');
INSERT INTO events VALUES(38,X'01A1EE565F87700096745CC9277CF34E',3,1795000000391000,'Stop',3,0,X'033738');
INSERT INTO events VALUES(39,X'01A1EE565FAF7B33BD91089338AF2F9A',3,1795000000431700,'SessionEnd',3,0,X'033437');
CREATE INDEX events_by_time on events (session, at_us);

DELETE FROM sqlite_schema WHERE name='full_text' AND type='table';
INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql) VALUES('table','full_text','full_text',0,'CREATE VIRTUAL TABLE full_text using fts5(
  text, content='''', contentless_delete=1, tokenize="ascii"
)');

DROP TABLE IF EXISTS full_text_config;
CREATE TABLE 'full_text_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO full_text_config VALUES('automerge',16);
INSERT INTO full_text_config VALUES('crisismerge',64);
INSERT INTO full_text_config VALUES('hashsize',16777216);
INSERT INTO full_text_config VALUES('version',4);

DROP TABLE IF EXISTS full_text_data;
CREATE TABLE 'full_text_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO full_text_data VALUES(1,X'19817F');
INSERT INTO full_text_data VALUES(10,X'00000003FF00000101010100010101010101000019');
INSERT INTO full_text_data VALUES(137438953473,X'00000655023030FFFFFFFFFFFFFFFFFD0214020410092B02030802038160020402023333FFFFFFFFFFFFFFFFFD041604821504060402016DFFFFFFFFFFFFFFFFFD021982150209020173FFFFFFFFFFFFFFFFFD022482150214010131FFFFFFFFFFFFFFFFFD022682150216010132FFFFFFFFFFFFFFFFFF02182B0204010633316D726564FFFFFFFFFFFFFFFFFD021782150207010135FFFFFFFFFFFFFFFFFD022702021133020481600217010161FFFFFFFFFFFFFFFFFD040E173E0203815702131F0209020461616161821B020A02026C6CFFFFFFFFFFFFFFFFFE020601020A6202028108020202026E64FFFFFFFFFFFFFFFFFD020D01020B816B020748020801046261636BFFFFFFFFFFFFFFFFFE020E01020D62020541020F21020826020A03027368FFFFFFFFFFFFFFFFFE021681040205110204020479746573FFFFFFFFFFFFFFFFFD021E8215020E090209010563616C6C73FFFFFFFFFFFFFFFFFF020B62020303026D65FFFFFFFFFFFFFFFFFF020C62020402036F64652202047102070F02040902050F020418020409020402057265617465812B020201036465762202037102060F02030902040F020318020309020302016FFFFFFFFFFFFFFFFFFD02030202031102038178020303026E65FFFFFFFFFFFFFFFFFE0207816B020301046563686FFFFFFFFFFFFFFFFFFE0213010412092B020508020550020202056469746564FFFFFFFFFFFFFFFFFE020F02046D6F6A69FFFFFFFFFFFFFFFFFD021A8215020A09020502027363FFFFFFFFFFFFFFFFFD0215821502050902030203786974811302090F02060902070F0206180206090206010566697273743202070203726F6DFFFFFFFFFFFFFFFFFE021581040204110203010568656C6C6FFFFFFFFFFFFFFFFFFE0214810404030711020203027265FFFFFFFFFFFFFFFFFD02108234020B02036F6D652202027102050F02020902030F0202180202090202010169811302080F02050902060F0205180205090205020174FFFFFFFFFFFFFFFFFE020D816B020901046C696B65FFFFFFFFFFFFFFFFFD021D8215020D09020803026E65FFFFFFFFFFFFFFFFFD020A8125040904210402040F0409045F020502036F6E65FFFFFFFFFFFFFFFFFD021B8215020B09020601026D64FFFFFFFFFFFFFFFFFF04091623020801016EFFFFFFFFFFFFFFFFFD022182150211020665776C696E65FFFFFFFFFFFFFFFFFD020F8234020A02046F746573FFFFFFFFFFFFFFFFFE0A0407090B04812402070902080F02071802070902070E02050202756CFFFFFFFFFFFFFFFFFD02138215020309020201036F6464FFFFFFFFFFFFFFFFFD0207821502181F020202026E65FFFFFFFFFFFFFFFFFF021333020619020257020A2102030F040A0402057574707574FFFFFFFFFFFFFFFFFD0208821502191F020301017022020502076172616C6C656CFFFFFFFFFFFFFFFFFF0205110205120206030473736564FFFFFFFFFFFFFFFFFD02280102180104140902056C65617365FFFFFFFFFFFFFFFFFD020201020201020211020268020281100202020572696E7466FFFFFFFFFFFFFFFFFD041212821504021203056F6A6563743B020502027764FFFFFFFFFFFFFFFFFE021781040206010671756F7465738122020E210207010372616EFFFFFFFFFFFFFFFFFD021101021201040E090203656164FFFFFFFFFFFFFFFFFE04030B010207816A020805026D65FFFFFFFFFFFFFFFFFF040816230207030164821B020401037361798102020702066372617463683B040204020565636F6E642A02070302656EFFFFFFFFFFFFFFFFFD020982340204030770617261746F72FFFFFFFFFFFFFFFFFD020B82340206030171FFFFFFFFFFFFFFFFFD02258215021502046C656570FFFFFFFFFFFFFFFFFF040F092B020208020202087572726F67617465FFFFFFFFFFFFFFFFFD021C8215020C0902070103746162FFFFFFFFFFFFFFFFFD020C8234020702026865FFFFFFFFFFFFFFFFFD0204020204110204817802040303696E67FFFFFFFFFFFFFFFFFD0206020206110206817802060202776FFFFFFFFFFFFFFFFFFF021A2B02061902025F020C21020502027874FFFFFFFFFFFFFFFFFE0A0507090B04812402080902090F02081802080902080E02060107756E69636F6465FFFFFFFFFFFFFFFFFD02058125020D210206450205010577726F7465FFFFFFFFFFFFFFFFFE0208816B02040103786665FFFFFFFFFFFFFFFFFD022082150210030166FFFFFFFFFFFFFFFFFD021F8215020F041C15121212111718190A191920161815121A0B1A18131E121816180A171A131A1612181F171312172816171F19061A1822180A130F17181307090C0A131812181C14191A1B261E1614');

DROP TABLE IF EXISTS full_text_docsize;
CREATE TABLE 'full_text_docsize'(id INTEGER PRIMARY KEY, sz BLOB, origin INTEGER);
INSERT INTO full_text_docsize VALUES(-3,X'27',1);
INSERT INTO full_text_docsize VALUES(-2,X'1B',1);
INSERT INTO full_text_docsize VALUES(-1,X'1C',1);
INSERT INTO full_text_docsize VALUES(16,X'05',1);
INSERT INTO full_text_docsize VALUES(34,X'07',1);
INSERT INTO full_text_docsize VALUES(42,X'06',1);
INSERT INTO full_text_docsize VALUES(50,X'06',1);
INSERT INTO full_text_docsize VALUES(59,X'04',1);
INSERT INTO full_text_docsize VALUES(67,X'01',1);
INSERT INTO full_text_docsize VALUES(75,X'01',1);
INSERT INTO full_text_docsize VALUES(97,X'04',1);
INSERT INTO full_text_docsize VALUES(120,X'01',1);
INSERT INTO full_text_docsize VALUES(130,X'07',1);
INSERT INTO full_text_docsize VALUES(147,X'08',1);
INSERT INTO full_text_docsize VALUES(162,X'0E',1);
INSERT INTO full_text_docsize VALUES(171,X'08',1);
INSERT INTO full_text_docsize VALUES(186,X'07',1);
INSERT INTO full_text_docsize VALUES(195,X'07',1);
INSERT INTO full_text_docsize VALUES(210,X'0B',1);
INSERT INTO full_text_docsize VALUES(219,X'07',1);
INSERT INTO full_text_docsize VALUES(233,X'09',1);
INSERT INTO full_text_docsize VALUES(264,X'05',1);
INSERT INTO full_text_docsize VALUES(274,X'18',1);
INSERT INTO full_text_docsize VALUES(283,X'09',1);
INSERT INTO full_text_docsize VALUES(305,X'0A',1);

DROP TABLE IF EXISTS full_text_idx;
CREATE TABLE 'full_text_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO full_text_idx VALUES(1,X'',2);

DROP TABLE IF EXISTS held_packs;
CREATE TABLE held_packs (          -- the packs whose records this database holds
  name text primary key,           -- below packs/
  size integer not null,
  modified_ns integer not null,
  ending blob not null             -- the last bytes of the file: checksum and length (RFC 1952)
) strict, without rowid;

DROP TABLE IF EXISTS home;
CREATE TABLE home (                -- whose database this is
  id text not null
) strict;
INSERT INTO home VALUES('e69fbc5fafca4126b1ef366d6f316e0e');

DROP TABLE IF EXISTS inferred_ends;
CREATE TABLE inferred_ends (       -- of sessions that did not say their end
  agent text not null,
  session text not null,
  last_us integer not null,        -- of the last event that was known: a later one lifts the end
  reason text not null,
  primary key (agent, session)
) strict, without rowid;

DROP TABLE IF EXISTS item_texts;
CREATE TABLE item_texts (          -- of prompts and answers; of calls what they worked on
  seq integer primary key,         -- the event that items.seq names
  text text not null
) strict;
INSERT INTO item_texts VALUES(2,'please do the parallel thing');
INSERT INTO item_texts VALUES(4,'/home/dev/code/p-parallel/README.md');
INSERT INTO item_texts VALUES(5,'sleep 0.2; echo two');
INSERT INTO item_texts VALUES(6,'sleep 0.5; echo one');
INSERT INTO item_texts VALUES(12,'All calls came back.');
INSERT INTO item_texts VALUES(15,'please');
INSERT INTO item_texts VALUES(16,'echo hello from bash && pwd');
INSERT INTO item_texts VALUES(20,'/home/dev/code/i-exit/notes.txt');
INSERT INTO item_texts VALUES(23,'/home/dev/code/i-exit/notes.txt');
INSERT INTO item_texts VALUES(26,'/home/dev/code/i-exit/notes.txt');
INSERT INTO item_texts VALUES(29,'All done: wrote notes.txt and read it back.');
INSERT INTO item_texts VALUES(33,'please do the unicode thing');
INSERT INTO item_texts VALUES(34,'printf ''nul:\0 esc:\033[31mred\033[0m emoji:😀 lone-surrogate-like bytes: \xff\xfe\n''; printf ''A%.0s'' $(seq 1 5)');
INSERT INTO item_texts VALUES(38,'Odd output seen 😀   line-separator, tab	, and a newline
here.');

DROP TABLE IF EXISTS items;
CREATE TABLE items (               -- prompts, answers and calls, each once
  key integer primary key,
  session integer not null,
  position integer not null,       -- in the conversation of its session
  kind text not null,              -- 'prompt', 'answer' or 'call'
  seq integer not null,            -- the event that says it; of a call its start, else its end
  end_seq integer,                 -- of a call: the event of its end
  name text,                       -- of a call: its id; "~..." where the agent gives none
  tool text,
  file text,                       -- that the call read or changed
  ok integer,                      -- null: not ended
  digest blob,                     -- of tool, input and output: what repeats is equal
  author text,                     -- of a prompt: 'person', 'machine' or 'unknown'
  subagent text not null,          -- "" is the session itself
  failed integer not null,         -- of an answer: the turn failed
  taken_back integer not null,
  inherited integer not null       -- from the session that this one is a fork of
) strict;
INSERT INTO items VALUES(1,1,1,'prompt',2,NULL,NULL,NULL,NULL,NULL,NULL,'unknown','',0,0,0);
INSERT INTO items VALUES(2,1,3,'call',4,7,'toolu_638dd733c97c4751','Read','/home/dev/code/p-parallel/README.md',1,X'8C2ADD0B75D9B6A54663D277D4D55060',NULL,'',0,0,0);
INSERT INTO items VALUES(3,1,4,'call',5,8,'toolu_021dcb252cad48f9','Bash',NULL,1,X'8E77A4F5B7C30726C113CB178DD54E28',NULL,'',0,0,0);
INSERT INTO items VALUES(4,1,5,'call',6,9,'toolu_36acaf6e53d64c79','Bash',NULL,1,X'1A5BB296890ACD6A081D4B4274887231',NULL,'',0,0,0);
INSERT INTO items VALUES(5,1,11,'answer',12,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',0,0,0);
INSERT INTO items VALUES(6,2,1,'prompt',15,NULL,NULL,NULL,NULL,NULL,NULL,'person','',0,0,0);
INSERT INTO items VALUES(7,2,2,'call',16,18,'toolu_cf8c4f49eb904ff7','Bash',NULL,1,X'66E03F9BE44B3923470DAAA5E201E950',NULL,'',0,0,0);
INSERT INTO items VALUES(8,2,6,'call',20,21,'toolu_78fa9278e0b14b85','Write','/home/dev/code/i-exit/notes.txt',1,X'D4E4597EA7B2412298EC5A41742B88F6',NULL,'',0,0,0);
INSERT INTO items VALUES(9,2,9,'call',23,24,'toolu_915e5c6671344e03','Read','/home/dev/code/i-exit/notes.txt',1,X'E5ED984F57F03006F0C7AA6B0AF3AFD0',NULL,'',0,0,0);
INSERT INTO items VALUES(10,2,12,'call',26,27,'toolu_c220341a9d994293','Edit','/home/dev/code/i-exit/notes.txt',1,X'BB041F23D6F44B437268D08B9B5BE7C0',NULL,'',0,0,0);
INSERT INTO items VALUES(11,2,15,'answer',29,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',0,0,0);
INSERT INTO items VALUES(12,3,1,'prompt',33,NULL,NULL,NULL,NULL,NULL,NULL,'unknown','',0,0,0);
INSERT INTO items VALUES(13,3,2,'call',34,35,'toolu_17f14406836542a6','Bash',NULL,1,X'F019715C237EC81921FC853C4E38272D',NULL,'',0,0,0);
INSERT INTO items VALUES(14,3,6,'answer',38,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',0,0,0);
CREATE UNIQUE INDEX calls_by_name on items (session, name) where name is not null;
CREATE INDEX items_by_file on items (file) where file is not null;
CREATE INDEX items_by_session on items (session, position);

DROP TABLE IF EXISTS last_turns;
CREATE TABLE last_turns (          -- the state of a session before its last turn
  session integer primary key,
  names text not null,             -- lines; more than one while a sub-agent works on
  start_us integer not null,       -- of its first event
  position integer not null,       -- of its first step
  told integer not null,           -- 1: a transcript tells of it
  queued integer not null,         -- 1: a prompt waits in it
  state blob not null
) strict;
INSERT INTO last_turns VALUES(1,'9b6733d1-a959-4663-9b07-9cd2075e1ab5',1795000000166900,1,0,0,X'0428B52FFD20E43D01002031766D7D0B00B2766450F23E2830F76C1068BE3F95301F141A0E78BF0CB90C5C703290C60820');
INSERT INTO last_turns VALUES(2,'fb0ce852-564e-4966-b873-aeda533e2fa5',1795000001592200,1,0,0,X'0428B52FFD20EC3D01002031766D7D0B00BA766410A7502760EED920D07C7F2A613E28341CF07E197219B8E064208D1140');
INSERT INTO last_turns VALUES(3,'1a2fcba7-b363-4006-a735-ab6ff1811453',1795000000099500,1,0,0,X'0428B52FFD20E33D01002031766D7D0B00B17664C8FA535160EED920D07C7F2A613E28341CF07E197219B8E064208D1140');

DROP TABLE IF EXISTS memory_agent;
CREATE TABLE memory_agent (        -- the kind for which sessions without a bind were minted
  kind text not null
) strict;
INSERT INTO memory_agent VALUES('builtin');

DROP TABLE IF EXISTS memory_ids;
CREATE TABLE memory_ids (          -- the one of a session, which may not have begun yet
  agent text not null,
  session text not null,
  memory_id text not null unique,
  minted integer,                  -- null: bound; else how many mints before it were taken
  primary key (agent, session),
  check (memory_id <> session)
) strict, without rowid;
INSERT INTO memory_ids VALUES('claude-code','0484260b-4fd9-450a-a78c-8b1fce7519d9','09ee9c84-51f8-5e19-8c1f-27ea2eded83c',0);
INSERT INTO memory_ids VALUES('claude-code','4b3b179a-742a-4c52-b79c-ef6e9bb620f8','be5ce0ce-b57a-5457-a7a1-e10420f44c7d',0);
INSERT INTO memory_ids VALUES('claude-code','8dcd79e4-2940-45ab-a053-214c14163a29','d2aad5db-671e-5dbd-ab15-be75833ae1fa',0);
CREATE INDEX minted_anew on memory_ids (minted) where minted > 0;

DROP TABLE IF EXISTS model_records;
CREATE TABLE model_records (       -- what the journal says of the calls of a model
  record blob primary key,         -- own_facts.id
  at_us integer not null,
  agent text not null,
  session text not null,
  kind text not null,              -- 'call' (before it was made), 'failure' or 'summary'
  covers_us integer not null,      -- of a summary: of the last event that it knows
  said text not null               -- of a summary its JSON, of a failure the reason
, after blob) strict, without rowid;
CREATE INDEX model_records_by_session on model_records (agent, session, kind, at_us);
CREATE INDEX model_records_by_time on model_records (at_us);

DROP TABLE IF EXISTS model_work;
CREATE TABLE model_work (          -- sessions that went on while a model was to summarise them
  session integer primary key
) strict;

DROP TABLE IF EXISTS notified;
CREATE TABLE notified (            -- waits of which the person was told, or that were too old
  session integer primary key,
  question_us integer not null     -- since when it waits
) strict;

DROP TABLE IF EXISTS origins;
CREATE TABLE origins (             -- the headers' other keys; one row serves a whole session
  key integer primary key,
  header text not null unique      -- JSON object: host, pid, entrypoint, plan, git, unknown keys
) strict;
INSERT INTO origins VALUES(1,'{"attended":false,"entrypoint":"sdk-cli","host":"vm","pid":2179}');
INSERT INTO origins VALUES(2,'{"attended":true,"entrypoint":"cli","host":"vm","pid":5206}');
INSERT INTO origins VALUES(3,'{"attended":false,"entrypoint":"sdk-cli","host":"vm","pid":2711}');

DROP TABLE IF EXISTS own_facts;
CREATE TABLE own_facts (           -- the journal's own records: binds, pins, tombstones, receipts
  id blob primary key,
  at_us integer not null,
  name text not null,
  session text not null,
  line blob not null               -- the whole record, redacted
) strict, without rowid;

DROP TABLE IF EXISTS pieces;
CREATE TABLE pieces (              -- parts of sessions that a remote has, or is to have
  key integer primary key,
  remote text not null,            -- its name
  agent text not null,
  session text not null,
  host text not null,              -- that made the piece
  number integer not null,         -- in its session and host, from 1
  part text not null,              -- of a piece that had to be split; else empty
  state text not null,             -- 'waiting' (in retry/), 'delivered' or 'dead'
  at_us integer not null,          -- since when
  file text not null,              -- in retry/; "" if it is not there
  unique (remote, agent, session, host, number, part)
) strict;
CREATE INDEX pieces_by_session on pieces (agent, session);
CREATE INDEX waiting_pieces on pieces (state) where state <> 'delivered';

DROP TABLE IF EXISTS pins;
CREATE TABLE pins (                -- sessions that are exempt from reaping and retention
  agent text not null,
  session text not null,
  at_us integer not null,          -- of the record that says so, with `record` their order
  record blob not null,
  pinned integer not null,         -- 0: the last one took the pin out
  primary key (agent, session)
) strict, without rowid;

DROP TABLE IF EXISTS project_folders;
CREATE TABLE project_folders (     -- which folders that name a remote belong to its project
  project text not null,           -- the key that the folder claims
  home text not null,
  folder text not null,            -- the common git directory, else the top of the working tree
  belongs integer not null,        -- 0: it has not shown a commit of the project
  primary key (project, home, folder)
) strict, without rowid;

DROP TABLE IF EXISTS redactions;
CREATE TABLE redactions (          -- by which rules the events from a row on were cleaned
  from_seq integer primary key,
  rules text not null
) strict;
INSERT INTO redactions VALUES(1,'3');

DROP TABLE IF EXISTS session_states;
CREATE TABLE session_states (
  session integer primary key,
  agent text not null,
  id text not null,
  last_us integer not null,
  last_id blob not null,           -- of the last event folded, by (at_us, id)
  status text not null,
  triggers text not null,          -- of adoption, separated by spaces
  project text not null,
  project_name text not null,
  cwd text not null,
  branch text not null,
  host text not null,
  title text not null,
  started_us integer not null,
  ended_us integer,
  events integer not null,
  prompts integer not null,
  state blob not null              -- journal/state.py; last, because lists do not read it
, end_reason text not null default '', head_us integer not null default 0) strict;
INSERT INTO session_states VALUES(1,'claude-code','0484260b-4fd9-450a-a78c-8b1fce7519d9',1795000001593800,X'01A1EE5664397CCCB8E3EB063892EB45','finished','PostToolUse PreToolUse','path:e69fbc5fafca4126b1ef366d6f316e0e:/home/dev/code/p-parallel','p-parallel','/home/dev/code/p-parallel','','vm','please do the parallel thing',1795000000000000,1795000001593800,13,1,X'0428B52FFD6069020D010010766D0900DDCAFB5440DDB389E77D58F864D070C0FB65C865E082938134460001','other',1795000001593800);
INSERT INTO session_states VALUES(2,'claude-code','4b3b179a-742a-4c52-b79c-ef6e9bb620f8',1795000004866900,X'01A1EE5671027E669BDB7612F065BD64','finished','PostToolUse PreToolUse attended_prompt','path:e69fbc5fafca4126b1ef366d6f316e0e:/home/dev/code/i-exit','i-exit','/home/dev/code/i-exit','','vm','please',1795000000000000,1795000004866900,18,1,X'0428B52FFD6067020D010010766D0900DB9E42AD80BA6713A34265E19341C301EF972197810B4E06D2180104','prompt_input_exit',1795000004866900);
INSERT INTO session_states VALUES(3,'claude-code','8dcd79e4-2940-45ab-a053-214c14163a29',1795000000431700,X'01A1EE565FAF7B33BD91089338AF2F9A','finished','PostToolUse PreToolUse','path:e69fbc5fafca4126b1ef366d6f316e0e:/home/dev/code/p-unicode','p-unicode','/home/dev/code/p-unicode','','vm','please do the unicode thing',1795000000000000,1795000000431700,8,1,X'0428B52FFD6047020D010010766D0900BCEA4FAD80B96713EF4FB5E1F340430CEF972197810B4E06D2180104','other',1795000000431700);
CREATE INDEX dated_ahead on session_states (session) where last_us < head_us;
CREATE INDEX open_sessions on session_states (last_us) where status <> 'finished';
CREATE INDEX session_states_by_id on session_states (id);
CREATE INDEX shown_by_project on session_states (project, last_us) where triggers <> '';
CREATE INDEX shown_by_time on session_states (last_us) where triggers <> '';

DROP TABLE IF EXISTS sessions;
CREATE TABLE sessions (            -- who is meant: the agent and its own session id
  key integer primary key,
  agent text not null,
  id text not null,
  unique (agent, id)
) strict;
INSERT INTO sessions VALUES(1,'claude-code','0484260b-4fd9-450a-a78c-8b1fce7519d9');
INSERT INTO sessions VALUES(2,'claude-code','4b3b179a-742a-4c52-b79c-ef6e9bb620f8');
INSERT INTO sessions VALUES(3,'claude-code','8dcd79e4-2940-45ab-a053-214c14163a29');

DROP TABLE IF EXISTS stale_contexts;
CREATE TABLE stale_contexts (      -- projects whose prepared context is older than its facts
  project text primary key
) strict, without rowid;

DROP TABLE IF EXISTS steps;
CREATE TABLE steps (               -- the events that tell the conversation, in its order
  session integer not null,
  position integer not null,
  seq integer not null,
  patch text,                      -- JSON: what the conversation says of it beyond its record
  primary key (session, position)
) strict, without rowid;
INSERT INTO steps VALUES(1,0,1,NULL);
INSERT INTO steps VALUES(1,1,2,NULL);
INSERT INTO steps VALUES(1,2,3,NULL);
INSERT INTO steps VALUES(1,3,4,NULL);
INSERT INTO steps VALUES(1,4,5,NULL);
INSERT INTO steps VALUES(1,5,6,NULL);
INSERT INTO steps VALUES(1,6,7,NULL);
INSERT INTO steps VALUES(1,7,8,NULL);
INSERT INTO steps VALUES(1,8,9,NULL);
INSERT INTO steps VALUES(1,9,10,NULL);
INSERT INTO steps VALUES(1,10,11,NULL);
INSERT INTO steps VALUES(1,11,12,NULL);
INSERT INTO steps VALUES(1,12,13,NULL);
INSERT INTO steps VALUES(2,0,14,NULL);
INSERT INTO steps VALUES(2,1,15,NULL);
INSERT INTO steps VALUES(2,2,16,NULL);
INSERT INTO steps VALUES(2,3,17,NULL);
INSERT INTO steps VALUES(2,4,18,NULL);
INSERT INTO steps VALUES(2,5,19,NULL);
INSERT INTO steps VALUES(2,6,20,NULL);
INSERT INTO steps VALUES(2,7,21,NULL);
INSERT INTO steps VALUES(2,8,22,NULL);
INSERT INTO steps VALUES(2,9,23,NULL);
INSERT INTO steps VALUES(2,10,24,NULL);
INSERT INTO steps VALUES(2,11,25,NULL);
INSERT INTO steps VALUES(2,12,26,NULL);
INSERT INTO steps VALUES(2,13,27,NULL);
INSERT INTO steps VALUES(2,14,28,NULL);
INSERT INTO steps VALUES(2,15,29,NULL);
INSERT INTO steps VALUES(2,16,30,NULL);
INSERT INTO steps VALUES(2,17,31,NULL);
INSERT INTO steps VALUES(3,0,32,NULL);
INSERT INTO steps VALUES(3,1,33,NULL);
INSERT INTO steps VALUES(3,2,34,NULL);
INSERT INTO steps VALUES(3,3,35,NULL);
INSERT INTO steps VALUES(3,4,36,NULL);
INSERT INTO steps VALUES(3,5,37,NULL);
INSERT INTO steps VALUES(3,6,38,NULL);
INSERT INTO steps VALUES(3,7,39,NULL);

DROP TABLE IF EXISTS summaries;
CREATE TABLE summaries (
  session integer primary key,
  summary text not null            -- JSON, see journal/summary.py
) strict;
INSERT INTO summaries VALUES(1,'{"request":"please do the parallel thing","investigated":"read README.md","learned":"All calls came back.","completed":"ran sleep 0.5; echo one: passed\nran sleep 0.2; echo two: passed","next_steps":"","files_read":["README.md"],"files_edited":[],"source":"builtin","at":"2026-11-18T11:06:41.593800Z"}');
INSERT INTO summaries VALUES(2,'{"request":"please","investigated":"read notes.txt","learned":"All done: wrote notes.txt and read it back.","completed":"edited notes.txt\nran echo hello from bash && pwd: passed","next_steps":"","files_read":["notes.txt"],"files_edited":["notes.txt"],"source":"builtin","at":"2026-11-18T11:06:44.866900Z"}');
INSERT INTO summaries VALUES(3,'{"request":"please do the unicode thing","investigated":"","learned":"Odd output seen 😀 line-separator, tab , and a newline here.","completed":"ran printf ''nul:\\0 esc:\\033[31mred\\033[0m emoji:😀 lone-surrogate-like bytes: \\xff\\xfe\\n''; printf ''A%.0s'' $(seq 1 5): passed","next_steps":"","files_read":[],"files_edited":[],"source":"builtin","at":"2026-11-18T11:06:40.431700Z"}');

DROP TABLE IF EXISTS tombstones;
CREATE TABLE tombstones (          -- sessions of which nothing is kept up to a moment
  agent text not null,
  session text not null,
  until_us integer not null,
  primary key (agent, session)
) strict, without rowid;

DROP TABLE IF EXISTS totals;
CREATE TABLE totals (              -- what the agent itself counted, up to a moment
  session integer not null,
  model text not null,
  at_us integer not null,
  input integer not null,
  output integer not null,
  cache_read integer not null,
  cache_write integer not null,
  primary key (session, model)
) strict, without rowid;

DROP TABLE IF EXISTS transcripts;
CREATE TABLE transcripts (         -- the agents' own files that are copied, and how far
  path text primary key,
  agent text not null,
  session text not null,
  due integer not null,            -- 1: something ended since it was read
  inode integer not null,          -- as in cursors; 0 with the rest: nothing was read yet
  modified_ns integer not null,
  offset integer not null,
  tail blob not null,
  last_us integer not null         -- the time of the last record that says one
) strict;
INSERT INTO transcripts VALUES('/home/dev/.claude/projects/-home-dev-code-i-exit/4b3b179a-742a-4c52-b79c-ef6e9bb620f8.jsonl','claude-code','4b3b179a-742a-4c52-b79c-ef6e9bb620f8',0,0,0,0,X'',0);
INSERT INTO transcripts VALUES('/home/dev/.claude/projects/-home-dev-code-p-parallel/0484260b-4fd9-450a-a78c-8b1fce7519d9.jsonl','claude-code','0484260b-4fd9-450a-a78c-8b1fce7519d9',0,0,0,0,X'',0);
INSERT INTO transcripts VALUES('/home/dev/.claude/projects/-home-dev-code-p-unicode/8dcd79e4-2940-45ab-a053-214c14163a29.jsonl','claude-code','8dcd79e4-2940-45ab-a053-214c14163a29',0,0,0,0,X'',0);
INSERT INTO transcripts VALUES('.','','',0,0,0,0,X'9781E576FBD9086BA1E97C87F1BD1575',0);
CREATE INDEX due_transcripts on transcripts (path) where due;
CREATE INDEX transcripts_by_session on transcripts (agent, session);

DROP TABLE IF EXISTS turns;
CREATE TABLE turns (               -- the agent's own ids of turns that were seen
  session integer not null,
  name text not null,
  primary key (session, name)
) strict, without rowid;
INSERT INTO turns VALUES(1,'9b6733d1-a959-4663-9b07-9cd2075e1ab5');
INSERT INTO turns VALUES(2,'fb0ce852-564e-4966-b873-aeda533e2fa5');
INSERT INTO turns VALUES(3,'1a2fcba7-b363-4006-a735-ab6ff1811453');

DROP TABLE IF EXISTS usage;
CREATE TABLE usage (               -- tokens, once for each message of a model
  session integer not null,
  message text not null,           -- "" with the model behind it: what the agent counted besides
  model text not null,
  at_us integer not null,
  inherited integer not null,
  input integer not null,
  output integer not null,
  cache_read integer not null,
  cache_write integer not null,
  primary key (session, message)
) strict, without rowid;
CREATE INDEX usage_by_message on usage (message);

DROP TABLE IF EXISTS view_version;
CREATE TABLE view_version (        -- of the code that derived the views, see sync/views
  version integer not null
) strict;
INSERT INTO view_version VALUES(3008);

DROP VIEW IF EXISTS v_sessions;
CREATE VIEW v_sessions as
select s.id as session, m.memory_id, s.agent,
  coalesce(nullif(s.project_name, ''), s.cwd) as project, s.project as project_key,
  s.cwd, s.branch, s.host, s.status as state, s.triggers <> '' as adopted,
  coalesce(p.pinned, 0) as pinned, s.title,
  strftime('%Y-%m-%dT%H:%M:%S', s.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', s.started_us % 1000000) as started_at,
  strftime('%Y-%m-%dT%H:%M:%S', s.last_us / 1000000, 'unixepoch')
    || printf('.%06dZ', s.last_us % 1000000) as last_active_at,
  strftime('%Y-%m-%dT%H:%M:%S', s.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', s.ended_us % 1000000) as ended_at,
  nullif(s.end_reason, '') as end_reason, s.events, s.prompts, v.summary
from session_states s left join memory_ids m on m.agent = s.agent and m.session = s.id
left join pins p on p.agent = s.agent and p.session = s.id
left join summaries v on v.session = s.session;
DROP VIEW IF EXISTS v_prompts;
CREATE VIEW v_prompts as
select s.id as session, s.agent, coalesce(nullif(s.project_name, ''), s.cwd) as project,
  lower(hex(e.id)) as event_id,
  strftime('%Y-%m-%dT%H:%M:%S', e.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', e.at_us % 1000000) as at,
  t.text, coalesce(nullif(o.author, ''), 'unknown') as by, o.author is not 'machine' as by_person,
  o.taken_back, o.inherited
from items o join session_states s using (session) join events e on e.seq = o.seq
left join item_texts t on t.seq = o.seq where o.kind = 'prompt';
DROP VIEW IF EXISTS v_answers;
CREATE VIEW v_answers as
select s.id as session, s.agent, coalesce(nullif(s.project_name, ''), s.cwd) as project,
  lower(hex(e.id)) as event_id,
  strftime('%Y-%m-%dT%H:%M:%S', e.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', e.at_us % 1000000) as at,
  t.text, nullif(o.subagent, '') as agent_id, o.failed, o.taken_back, o.inherited
from items o join session_states s using (session) join events e on e.seq = o.seq
left join item_texts t on t.seq = o.seq where o.kind = 'answer';
DROP VIEW IF EXISTS v_tool_calls;
CREATE VIEW v_tool_calls as
select s.id as session, s.agent, coalesce(nullif(s.project_name, ''), s.cwd) as project,
  lower(hex(e.id)) as event_id,
  strftime('%Y-%m-%dT%H:%M:%S', e.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', e.at_us % 1000000) as at,
  strftime('%Y-%m-%dT%H:%M:%S', z.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', z.at_us % 1000000) as ended_at,
  o.tool, iif(o.name like '~%', null, o.name) as tool_use_id, o.file as path, t.text, o.ok,
  nullif(o.subagent, '') as agent_id, o.taken_back, o.inherited
from items o join session_states s using (session) join events e on e.seq = o.seq
left join events z on z.seq = o.end_seq left join item_texts t on t.seq = o.seq
where o.kind = 'call';
DROP VIEW IF EXISTS v_files;
CREATE VIEW v_files as
select s.id as session, s.agent, coalesce(nullif(s.project_name, ''), s.cwd) as project,
  o.file as path, o.tool, count(*) as calls,
  strftime('%Y-%m-%dT%H:%M:%S', min(e.at_us) / 1000000, 'unixepoch')
    || printf('.%06dZ', min(e.at_us) % 1000000) as first_at,
  strftime('%Y-%m-%dT%H:%M:%S', max(e.at_us) / 1000000, 'unixepoch')
    || printf('.%06dZ', max(e.at_us) % 1000000) as last_at
from items o join session_states s using (session) join events e on e.seq = o.seq
where o.file is not null and not o.inherited group by o.session, o.file, o.tool;
DROP VIEW IF EXISTS v_usage;
CREATE VIEW v_usage as             -- a message that forks share belongs to the earlier session
select s.id as session, s.agent, coalesce(nullif(s.project_name, ''), s.cwd) as project, u.model,
  strftime('%Y-%m-%dT%H:%M:%S', u.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', u.at_us % 1000000) as at,
  u.input, u.output, u.cache_read, u.cache_write
from (
  select u.*, iif(substr(u.message, 1, 1) = '~', 1, row_number() over (
    partition by u.message, s.agent order by u.inherited, s.started_us, s.id)) as number
  from usage u join session_states s using (session)
) u join session_states s using (session) where u.number = 1;

pragma user_version=6;
pragma application_id=1095388748;

COMMIT TRANSACTION;

PRAGMA writable_schema=OFF;

BEGIN;
CREATE TABLE no_such_table(x,y,z);
ROLLBACK;
